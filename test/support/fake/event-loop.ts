import type { Random } from '../../../src/random/random.ts'
import type { Clock, Hold, Timer } from '../../../src/time/clock.ts'
import type { Milliseconds } from '../../../src/time/milliseconds.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { EventHeap } from './event-heap.ts'
import type { ClockEvent } from './event-heap.ts'

/**
 * A clock and a network that move one callback at a time, for the simulation.
 *
 * ```ts
 * const loop = new FakeEventLoop(seededRandom(42))
 * loop.setTimer(ms(50), () => giveUp(), 'process')
 * loop.afterIo(50, () => readAnswer())
 * while (loop.step()) drainMicrotasks()
 * ```
 * `afterIo` is a packet that arrives. Like Node's, a timer counts whole milliseconds and may fire up to one early. After
 * `stall` the late timers fire first, then the packets that came meanwhile are read, then `afterPendingIo` calls back.
 * Callbacks due at the same moment run in the order in which they were set; with `random`, as the dice have it.
 */
export class FakeEventLoop implements Clock {
  readonly #timers = new EventHeap()
  readonly #io = new EventHeap()
  #afterIo: (() => void)[] = []
  readonly #random: Random | undefined
  #nowMs = 0
  #sequence = 0

  constructor(random?: Random) {
    this.#random = random
  }

  nowMs(): Milliseconds {
    return ms(this.#nowMs)
  }

  /** Timers that were set and have neither fired nor been cancelled. */
  get openTimers(): number {
    return this.#timers.size
  }

  /** Whether nothing is overdue: after a stall this is false until everything late was run. */
  get isSettled(): boolean {
    return this.#afterIo.length === 0 && this.nextDueMs() > this.#nowMs
  }

  setTimer(delayMs: Milliseconds, callback: () => void, _hold: Hold): Timer {
    const event = this.#event(Math.floor(this.#nowMs + Math.max(1, delayMs)), callback)
    this.#timers.push(event)
    return { cancel: () => this.#timers.remove(event) }
  }

  afterPendingIo(callback: () => void): void {
    this.#afterIo.push(callback)
  }

  /** A packet that can be read in `delayMs`; returns what takes it back. */
  afterIo(delayMs: number, callback: () => void): () => void {
    const event = this.#event(this.#nowMs + delayMs, callback)
    this.#io.push(event)
    return () => this.#io.remove(event)
  }

  /** When the next callback is due; never later than `nowMs` while one is waiting, Infinity when there is none. */
  nextDueMs(): number {
    if (this.#afterIo.length > 0) return this.#nowMs
    return Math.min(this.#timers.first?.atMs ?? Infinity, this.#io.first?.atMs ?? Infinity)
  }

  /** Runs the next callback, moving time to it if it is in the future; false when there is none. */
  step(): boolean {
    const heap = this.#nextHeap()
    const dueMs = heap?.first?.atMs ?? Infinity
    if (dueMs > this.#nowMs && this.#afterIo.length > 0) {
      this.#afterIo.shift()?.()
      return true
    }
    const event = heap?.pop()
    if (event === undefined) return false
    this.#nowMs = Math.max(this.#nowMs, event.atMs)
    event.callback()
    return true
  }

  /** Time passes, and nothing runs: the event loop is stalled. */
  stall(delayMs: number): void {
    this.#nowMs += delayMs
  }

  /** Late timers before late packets, whatever is on time in the order of the dice. */
  #nextHeap(): EventHeap | undefined {
    const timer = this.#timers.first
    const packet = this.#io.first
    if (timer === undefined || packet === undefined) return timer === undefined ? this.#io : this.#timers
    if (timer.atMs < this.#nowMs) return this.#timers
    if (packet.atMs < this.#nowMs) return this.#io
    return EventHeap.isBefore(timer, packet) ? this.#timers : this.#io
  }

  #event(atMs: number, callback: () => void): ClockEvent {
    this.#sequence += 1
    const order = this.#random === undefined ? this.#sequence : this.#random()
    return { atMs, order, callback, place: -1 }
  }
}
