import type { Clock, Hold, Timer } from './clock.ts'
import type { Milliseconds } from './milliseconds.ts'
import { ms } from './milliseconds.ts'

/** A timer later than this means that the event loop was stalled, so its news must be read first. */
export const LATE_TIMER_MS: Milliseconds = ms(50)

/** Something that gives up at a point in time. The queue links entries through themselves, so adding is free. */
export interface Expirable {
  readonly expiresAtMs: Milliseconds
  expire(): void
  earlier: Expirable | undefined
  later: Expirable | undefined
}

/**
 * Many deadlines on one timer.
 *
 * Entries are kept in order of expiry; a new one is placed from the back, so deadlines of equal length cost a
 * constant time each and no timer of their own. The timer is left running when its entry is removed and re-armed when
 * it fires early for the next one. Why: docs/rationale.md, "One deadline, and no timer for it".
 */
export class ExpiryQueue {
  readonly #clock: Clock
  readonly #hold: Hold
  #first: Expirable | undefined
  #last: Expirable | undefined
  #timer: Timer | undefined
  #timerAtMs: Milliseconds = ms(Infinity)

  constructor(clock: Clock, hold: Hold) {
    this.#clock = clock
    this.#hold = hold
  }

  add(entry: Expirable): void {
    let before = this.#last
    while (before !== undefined && before.expiresAtMs > entry.expiresAtMs) before = before.earlier
    const after = before === undefined ? this.#first : before.later
    entry.earlier = before
    entry.later = after
    if (before === undefined) this.#first = entry
    else before.later = entry
    if (after === undefined) this.#last = entry
    else after.earlier = entry
    if (entry.expiresAtMs < this.#timerAtMs) this.#arm(entry.expiresAtMs)
  }

  /** Takes an entry out. It must have been added, and not have expired yet. */
  remove(entry: Expirable): void {
    if (entry.earlier === undefined) this.#first = entry.later
    else entry.earlier.later = entry.later
    if (entry.later === undefined) this.#last = entry.earlier
    else entry.later.earlier = entry.earlier
    entry.earlier = undefined
    entry.later = undefined
  }

  /** Stops the timer, after the last entry is gone for good. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAtMs = ms(Infinity)
  }

  #arm(atMs: Milliseconds): void {
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    const delayMs = ms(Math.max(0, atMs - this.#clock.nowMs()))
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fired(atMs), this.#hold)
  }

  #fired(dueMs: Milliseconds): void {
    this.#timer = undefined
    this.#timerAtMs = ms(Infinity)
    if (this.#clock.nowMs() - dueMs > LATE_TIMER_MS) this.#clock.afterPendingIo(() => this.#expireDue())
    else this.#expireDue()
  }

  #expireDue(): void {
    const nowMs = this.#clock.nowMs()
    for (let entry = this.#first; entry !== undefined && entry.expiresAtMs <= nowMs; entry = this.#first) {
      this.remove(entry)
      entry.expire()
    }
    if (this.#first !== undefined && this.#first.expiresAtMs < this.#timerAtMs) this.#arm(this.#first.expiresAtMs)
  }
}
