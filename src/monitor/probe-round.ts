import type { Clock, Hold, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { Probe, ProbeReply } from './probe.ts'

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
  #startedAtMs: Milliseconds
  #timer: Timer

  constructor(
    clock: Clock,
    hold: Hold,
    probe: Probe,
    limitMs: Milliseconds,
    report: (outcome: ProbeOutcome) => void,
    onStall: () => void,
  ) {
    this.#onStall = onStall
    this.#clock = clock
    this.#hold = hold
    this.#limitMs = limitMs
    this.#report = report
    this.#startedAtMs = clock.nowMs()
    this.#timer = this.#setDeadline()
    probe.ask().then(
      (reply) => this.#end({ kind: 'answered', reply }),
      (error: unknown) => this.#end({ kind: 'failed', error }),
    )
  }

  cancel(): void {
    this.#timer.cancel()
    this.#report = undefined
  }

  #setDeadline(): Timer {
    return this.#clock.setTimer(this.#limitMs, () => this.#deadline(), this.#hold)
  }

  /**
   * The time is up, but the answer may only be unread: how long the event loop stood still before the timer fired cannot
   * be told from how late it fired. If it fired later than the deadline is long, the round is void and starts over (law 13).
   */
  #deadline(): void {
    const lateMs = this.#clock.nowMs() - this.#startedAtMs - this.#limitMs
    this.#clock.afterPendingIo(() => {
      if (this.#report === undefined) return
      if (lateMs < this.#limitMs) return this.#silent()
      this.#onStall()
      this.#startedAtMs = this.#clock.nowMs()
      this.#timer = this.#setDeadline()
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
