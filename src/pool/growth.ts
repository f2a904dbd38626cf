import type { Random } from '../random/random.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** How long a host's recovery lasts for its pool. */
const RECOVERY_MS = 10_000
/** The longest pause before a pool with one connection makes a second one. */
const GROWTH_PAUSE_MS = 500

/**
 * How fast a pool may grow while its host recovers: the first connection at once; each further one only if somebody still
 * waits after a random pause, the shorter the more there are. A whole fleet had callers wait for that host, and most of them
 * are served by a first connection before a second one could be made.
 */
export class Growth {
  readonly #clock: Clock
  readonly #random: Random
  #untilMs: Milliseconds | undefined
  #pause: Timer | undefined
  #mayMake = false

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** The host is recovering from now on. */
  begin(): void {
    this.#untilMs = ms(this.#clock.nowMs() + RECOVERY_MS)
  }

  /** Whether a pool of `size` may make one more connection now; if not, calls `askAgain` when it may. */
  admits(size: number, askAgain: () => void): boolean {
    if (size === 0 || this.#mayMake || !this.#isRecovering()) {
      this.#mayMake = false
      return true
    }
    if (this.#pause === undefined) {
      const pauseMs = ms((this.#random() * GROWTH_PAUSE_MS) / size)
      this.#pause = this.#clock.setTimer(pauseMs, () => this.#end(askAgain), 'nothing')
    }
    return false
  }

  /** Nobody will wait any more. */
  stop(): void {
    this.#pause?.cancel()
    this.#pause = undefined
  }

  #isRecovering(): boolean {
    return this.#untilMs !== undefined && this.#clock.nowMs() < this.#untilMs
  }

  #end(askAgain: () => void): void {
    this.#pause = undefined
    this.#mayMake = true
    askAgain()
    this.#mayMake = false
  }
}
