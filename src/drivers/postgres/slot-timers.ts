import { ExpiryQueue } from '../../time/expiry-queue.ts'
import type { Expirable } from '../../time/expiry-queue.ts'
import type { Milliseconds } from '../../time/milliseconds.ts'
import { ms } from '../../time/milliseconds.ts'
import { systemClock } from '../../time/system-clock.ts'
import type { NativeOptions } from './native.ts'
import type { Slot } from './slot.ts'

class SlotTimer implements Expirable {
  readonly expiresAtMs: Milliseconds
  readonly expire: () => void
  earlier: Expirable | undefined = undefined
  later: Expirable | undefined = undefined

  constructor(delayMs: number, expire: () => void) {
    this.expiresAtMs = ms(systemClock.nowMs() + delayMs)
    this.expire = expire
  }
}

/** postgres.js' `idle_timeout` and `max_lifetime`, in seconds both, for the connections of one pool. */
export class SlotTimers {
  readonly #queue = new ExpiryQueue(systemClock, 'nothing')
  readonly #lives = new Map<Slot, SlotTimer>()
  readonly #naps = new Map<Slot, SlotTimer>()
  readonly #options: NativeOptions
  readonly #isIdleLimited: boolean
  readonly #retire: (slot: Slot) => void

  constructor(options: NativeOptions, retire: (slot: Slot) => void) {
    this.#options = options
    this.#isIdleLimited = secondsOf(options['idle_timeout']) > 0
    this.#retire = retire
  }

  add(slot: Slot): void {
    this.#start(this.#lives, slot, this.#options['max_lifetime'])
  }

  rest(slot: Slot): void {
    slot.rest()
    if (this.#isIdleLimited) this.#start(this.#naps, slot, this.#options['idle_timeout'])
  }

  wake(slot: Slot): void {
    slot.wake()
    if (this.#isIdleLimited) this.#stop(this.#naps, slot)
  }

  remove(slot: Slot): void {
    this.#stop(this.#lives, slot)
    this.#stop(this.#naps, slot)
  }

  close(): void {
    this.#queue.close()
  }

  #start(timers: Map<Slot, SlotTimer>, slot: Slot, limit: unknown): void {
    const seconds = secondsOf(limit)
    if (seconds <= 0) return
    const timer = new SlotTimer(seconds * 1_000, () => {
      timers.delete(slot)
      this.#retire(slot)
    })
    timers.set(slot, timer)
    this.#queue.add(timer)
  }

  #stop(timers: Map<Slot, SlotTimer>, slot: Slot): void {
    const timer = timers.get(slot)
    if (timer === undefined) return
    timers.delete(slot)
    this.#queue.remove(timer)
  }
}

/** A number, or a function that makes one up, as the default of `max_lifetime` is. */
function secondsOf(limit: unknown): number {
  const value: unknown = typeof limit === 'function' ? Reflect.apply(limit, undefined, []) : limit
  return typeof value === 'number' ? value : 0
}
