import type { Clock, Hold, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** The time of a host's next probe: the earliest that anybody asked for, never too close to the last one. */
export class ProbeTimer {
  readonly #clock: Clock
  readonly #hold: Hold
  readonly #begin: () => void
  #timer: Timer | undefined
  #atMs = Infinity
  #lastStartMs = -Infinity

  constructor(clock: Clock, hold: Hold, begin: () => void) {
    this.#clock = clock
    this.#hold = hold
    this.#begin = begin
  }

  /** A probe starts now: nothing else is due. */
  started(): void {
    this.cancel()
    this.#lastStartMs = this.#clock.nowMs()
  }

  /** Asks for a probe in `delayMs`, at least `gapMs` after the last one began; a sooner one stays. */
  set(delayMs: number, gapMs: Milliseconds): void {
    const nowMs = this.#clock.nowMs()
    const atMs = Math.max(nowMs + delayMs, this.#lastStartMs + gapMs)
    if (atMs >= this.#atMs) return
    this.cancel()
    this.#atMs = atMs
    this.#timer = this.#clock.setTimer(ms(atMs - nowMs), this.#begin, this.#hold)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#atMs = Infinity
  }
}
