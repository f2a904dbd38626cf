import type { Clock } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'

/** The step of a check had no time left. */
export class SilentError extends Error {
  override readonly name = 'SilentError'
}

/** The one deadline that all steps of a host share. */
export class Limit {
  readonly #clock: Clock
  readonly #endMs: number

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#endMs = clock.nowMs() + limitMs
  }

  get nowMs(): number {
    return this.#clock.nowMs()
  }

  /**
   * What `start` ends with, unless the time is over before; then `giveUp` must end what was started.
   * @throws {SilentError} it is.
   */
  within<T>(start: () => Promise<T>, giveUp: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(1, this.#endMs - this.nowMs)
      const timer = this.#clock.setTimer(
        ms(leftMs),
        () => {
          reject(new SilentError(`no answer within ${leftMs.toFixed(0)} ms`))
          giveUp()
        },
        'process',
      )
      start()
        .finally(() => timer.cancel())
        .then(resolve, reject)
    })
  }
}
