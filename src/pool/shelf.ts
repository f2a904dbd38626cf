import type { DriverConnection, KeptConnections } from '../driver/driver.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** How long a connection that nobody wants is kept at most. */
const KEEP_MS: Milliseconds = ms(50)

/**
 * Connections that nobody has, kept out of the driver's pool for a while: for the next caller, who gets them without the pool's taking
 * them in and handing them out again; or, while the pool is being warmed, so that the driver's pool makes new ones.
 */
export class Shelf<TConnection> implements KeptConnections<TConnection> {
  isWarming = false
  readonly #clock: Clock
  /** The one used last comes last, and is taken first: the others get old enough for the driver's pool to close them. */
  readonly #kept: DriverConnection<TConnection>[] = []
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get length(): number {
    return this.#kept.length
  }

  /** Connections kept ready while the pool is being warmed. */
  get warmed(): number {
    return this.isWarming ? this.#kept.length : 0
  }

  has(connection: DriverConnection<TConnection>): boolean {
    return this.#kept.includes(connection)
  }

  put(connection: DriverConnection<TConnection>): void {
    this.#kept.push(connection)
    this.#timer ??= this.#clock.setTimer(KEEP_MS, () => this.#timeIsUp(), 'nothing')
  }

  take(): DriverConnection<TConnection> | undefined {
    return this.#kept.pop()
  }

  drop(connection: DriverConnection<TConnection>): void {
    const place = this.#kept.indexOf(connection)
    if (place >= 0) this.#kept.splice(place, 1)[0]?.giveBack(true)
  }

  /** All of them go to the driver's pool, or are destroyed. */
  clear(destroy = false): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const connection of this.#kept.splice(0)) connection.giveBack(destroy || connection.isClosed())
  }

  #timeIsUp(): void {
    this.#timer = undefined
    if (!this.isWarming) this.clear()
  }
}
