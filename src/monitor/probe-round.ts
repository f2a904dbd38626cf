import type { Clock, Hold, Timer } from '../time/clock.ts'
import { LATE_TIMER_MS } from '../time/expiry-queue.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { ProbeReply } from './probe.ts'

/** How one probe ended. */
export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly reply: ProbeReply }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'silent'; readonly limitMs: Milliseconds }

/** One probe under way: asks, and reports exactly one outcome unless it is cancelled before. */
export class ProbeRound {
  readonly #clock: Clock
  readonly #hold: Hold
  readonly #limitMs: Milliseconds
  readonly #onStall: () => void
  #report: ((outcome: ProbeOutcome) => void) | undefined
  #dueAtMs: Milliseconds = ms(0)
  #timer: Timer

  constructor(
    clock: Clock,
    hold: Hold,
    ask: () => Promise<ProbeReply>,
    limitMs: Milliseconds,
    report: (outcome: ProbeOutcome) => void,
    onStall: () => void,
  ) {
    this.#onStall = onStall
    this.#clock = clock
    this.#hold = hold
    this.#limitMs = limitMs
    this.#report = report
    this.#timer = this.#setDeadline(limitMs)
    ask().then(
      (reply) => this.#end({ kind: 'answered', reply }),
      (error: unknown) => this.#end({ kind: 'failed', error }),
    )
  }

  cancel(): void {
    this.#timer.cancel()
    this.#report = undefined
  }

  #setDeadline(afterMs: Milliseconds): Timer {
    this.#dueAtMs = ms(this.#clock.nowMs() + afterMs)
    return this.#clock.setTimer(afterMs, () => this.#deadline(), this.#hold)
  }

  /**
   * The time is up, but the answer may only be unread: how long the event loop stood still before the timer fired cannot
   * be told from how late it fired. If it fired late, the round goes on for as long again, since a host that had to be
   * connected to first needs more than what lay unread; at most for another full deadline, which makes it void (law 13).
   */
  #deadline(): void {
    const lateMs = this.#clock.nowMs() - this.#dueAtMs
    this.#clock.afterPendingIo(() => {
      if (this.#report === undefined) return
      if (lateMs <= LATE_TIMER_MS && lateMs < this.#limitMs) return this.#silent()
      this.#onStall()
      this.#timer = this.#setDeadline(ms(Math.min(lateMs, this.#limitMs)))
    })
  }

  #silent(): void {
    this.#end({ kind: 'silent', limitMs: this.#limitMs })
  }

  #end(outcome: ProbeOutcome): void {
    const report = this.#report
    this.cancel()
    report?.(outcome)
  }
}
