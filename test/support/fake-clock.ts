import type { Clock, Hold, Timer } from '../../src/time/clock.ts'
import type { Milliseconds } from '../../src/time/milliseconds.ts'
import { ms } from '../../src/time/milliseconds.ts'

interface FakeTimer {
  readonly atMs: number
  readonly callback: () => void
  readonly hold: Hold
}

/**
 * A clock that moves only when told.
 *
 * ```ts
 * const clock = new FakeClock()
 * await clock.advance(1_000)   // fires what is due, in order, each at its own time, and lets promises settle
 * ```
 */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<FakeTimer>()
  readonly #arrived: (() => void)[] = []
  readonly #afterIo: (() => void)[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  /** Timers that neither fired nor were cancelled. */
  get openTimers(): number {
    return this.#timers.size
  }

  /** Those of them that keep the process alive. */
  get holdingTimers(): number {
    return [...this.#timers].filter(({ hold }) => hold === 'process').length
  }

  /** When the next timer is due; undefined without one. */
  get nextAtMs(): number | undefined {
    return this.#earliest()?.atMs
  }

  nowMs(): Milliseconds {
    return ms(this.#nowMs)
  }

  setTimer(delayMs: Milliseconds, callback: () => void, hold: Hold): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer in ${delayMs} ms`)
    const timer = { atMs: this.#nowMs + delayMs, callback, hold }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  afterPendingIo(callback: () => void): void {
    this.#afterIo.push(callback)
  }

  /** Something the kernel holds for us: read once the timers that are due have fired. */
  arrive(read: () => void): void {
    this.#arrived.push(read)
  }

  /** Lets `byMs` pass: each timer fires at its own time, and what it set off settles before the next one. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await this.settle()
    for (let next = this.#earliest(); next !== undefined && next.atMs <= endMs; next = this.#earliest()) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      this.#fire(next)
      await this.settle()
    }
    this.#nowMs = endMs
  }

  /** The event loop stands still for `byMs`: what was due meanwhile fires late, and only then is I/O read. */
  async stall(byMs: number): Promise<void> {
    await turn()
    this.#nowMs += byMs
    for (let next = this.#earliest(); next !== undefined && next.atMs <= this.#nowMs; next = this.#earliest()) {
      this.#fire(next)
    }
    await this.settle()
  }

  /** Lets promises settle and pending I/O be read; no time passes. */
  async settle(): Promise<void> {
    await turn()
    while (this.#arrived.length + this.#afterIo.length > 0) {
      for (const read of this.#arrived.splice(0)) read()
      await turn()
      for (const callback of this.#afterIo.splice(0)) callback()
      await turn()
    }
  }

  #fire(timer: FakeTimer): void {
    this.#timers.delete(timer)
    timer.callback()
  }

  /** Of those due at the same time, the one set first. */
  #earliest(): FakeTimer | undefined {
    let earliest: FakeTimer | undefined
    for (const timer of this.#timers) if (earliest === undefined || timer.atMs < earliest.atMs) earliest = timer
    return earliest
  }
}

/** One turn of the event loop: every promise that can settle has. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
