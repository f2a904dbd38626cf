import type { DriverConnection } from '../driver/driver.ts'

/** After so many connections kept back in vain for somebody who might ask, only one in so many is. */
const VAIN_LIMIT = 8
const VAIN_TRIES = 64

/**
 * How often it is looked whether somebody waits, a microtask apart: who asks in a loop does so a few promises after giving back,
 * one for each function around it.
 */
const LOOKS = 8

/** Made once: it is waited for with each connection that comes back. */
const NEXT_MICROTASK = Promise.resolve()

/**
 * Connections that were given back and go to the next caller past the driver's pool: to whoever waits, or asks before the
 * turn is over, as loops do. Not lent at once: who gives back twice must not end the next one's lease with the
 * second call.
 */
export class HandOver<TConnection> {
  /** Connections on their way. */
  underWay = 0
  readonly #waiting: { readonly length: number }
  readonly #arrived: (connection: DriverConnection<TConnection>) => void
  /** How many in a row met nobody. */
  #vain = 0

  constructor(waiting: { readonly length: number }, arrived: (connection: DriverConnection<TConnection>) => void) {
    this.#waiting = waiting
    this.#arrived = arrived
  }

  /** False when the connection must go to the driver's pool, or might as well. */
  begin(connection: DriverConnection<TConnection>): boolean {
    if (connection.canPassOn?.() !== true || !this.#isLikelyWanted()) return false
    this.underWay += 1
    let looks = LOOKS
    const look = (): void => {
      const isVain = this.#waiting.length === 0
      if (isVain && --looks > 0) return void NEXT_MICROTASK.then(look)
      this.underWay -= 1
      this.#vain = isVain ? this.#vain + 1 : 0
      this.#arrived(connection)
    }
    void NEXT_MICROTASK.then(look)
    return true
  }

  #isLikelyWanted(): boolean {
    if (this.#waiting.length > 0 || this.#vain < VAIN_LIMIT) return true
    this.#vain += 1
    return this.#vain % VAIN_TRIES === 0
  }
}
