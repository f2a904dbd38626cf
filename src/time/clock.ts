import type { Milliseconds } from './milliseconds.ts'

/** A timer that has not fired yet; cancelling one that has is harmless. */
export interface Timer {
  cancel(): void
}

/** Whether a pending timer keeps the process alive. */
export type Hold = 'process' | 'nothing'

/**
 * Time as a parameter: what waits or measures takes a clock, so that a test's clock moves only when told.
 *
 * ```ts
 * const timer = clock.setTimer(ms(50), () => retry(), 'process')
 * timer.cancel()
 * ```
 */
export interface Clock {
  /** A monotonic reading; only differences mean anything. */
  nowMs(): Milliseconds
  /** Calls back once after `delayMs`. */
  setTimer(delayMs: Milliseconds, callback: () => void, hold: Hold): Timer
  /**
   * Calls back once what the kernel holds for us already has been read: after a stalled event loop the answer
   * may be waiting behind the timer that would give it up.
   */
  afterPendingIo(callback: () => void): void
}
