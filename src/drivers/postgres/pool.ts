import type { DriverPool, DriverPoolHooks } from '../../driver/driver.ts'
import { ManagerClosedError } from '../../errors.ts'
import { toError } from '../../to-error.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { NativeQuery, NativeSql } from './native.ts'
import type { Slot, SlotOwner } from './slot.ts'
import { SlotChoice, remove } from './slot-choice.ts'
import type { SlotPlans } from './slot-plans.ts'
import { SlotTimers } from './slot-timers.ts'

type Done = (error: unknown, slot: Slot | undefined) => void

const END_OF_TURN = Promise.resolve()

/**
 * The connections to one host: leased, shared by single statements, idle. A pool of postgres.js itself could neither say which
 * is which, nor end one of them, nor keep from connecting again by itself.
 */
export class PostgresPool<TPool> implements DriverPool<PostgresConnection, TPool>, SlotOwner {
  readonly native: TPool
  readonly template: NativeSql
  readonly #plans: SlotPlans
  readonly #hooks: DriverPoolHooks<PostgresConnection>
  readonly #max: number
  readonly #maxPipeline: number
  readonly #slots = new SlotChoice()
  readonly #idle: Slot[] = []
  /** Checkouts that wait for a slot, because there may be no more of them. */
  readonly #waiting: Done[] = []
  readonly #timers: SlotTimers
  #allClosed: (() => void) | undefined
  #isClosed = false
  /** Connections that are not counted: those that listen. */
  #extra = 0

  constructor(
    plans: SlotPlans,
    hooks: DriverPoolHooks<PostgresConnection>,
    nativeOf: (pool: PostgresPool<TPool>) => TPool,
  ) {
    const { template } = plans
    this.template = template
    this.#plans = plans
    this.#hooks = hooks
    this.#max = Number(template.options['max'])
    this.#maxPipeline = Number(template.options['max_pipeline'])
    this.#timers = new SlotTimers(template.options, (slot) => this.#retire(slot))
    this.native = nativeOf(this)
  }

  get letsExit(): boolean {
    return this.#plans.allowExitOnIdle
  }

  get capacity(): number {
    return this.#max + this.#extra
  }

  get idle(): number {
    return this.#idle.length
  }

  /** Sends a statement at once: on an idle connection, or behind others where there may be no more connections. */
  share(query: NativeQuery): boolean {
    const slot = this.#idle.pop() ?? this.#shareable()
    if (slot === undefined) return false
    this.#timers.wake(slot)
    slot.share(query)
    // It was refused before it was sent.
    if (slot.pending === 0) this.#settle(slot)
    return true
  }

  checkOut(done: Done): void {
    const slot = this.#idle.pop()
    if (slot !== undefined) this.#hand(slot, done)
    else if (this.#isClosed) void END_OF_TURN.then(() => done(new ManagerClosedError('connect'), undefined))
    else if (!this.#isAtCapacity()) this.#make(done)
    else {
      this.#waiting.push(done)
      this.#slots.drainOne()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const done of this.#waiting.splice(0)) done(new ManagerClosedError('connect'), undefined)
    for (const slot of this.#idle.splice(0)) slot.session.end()
    if (this.#slots.all.length > 0) await new Promise<void>((resolve) => (this.#allClosed = resolve))
    this.#timers.close()
  }

  /** What the server has told of its settings. */
  get parameters(): unknown {
    return this.#plans.parameters
  }

  setAside(slot: Slot): void {
    slot.isExtra = true
    this.#extra += 1
  }

  failed(slot: Slot, error: Error): void {
    this.#hooks.failed(slot, error)
  }

  hinted(slot: Slot): void {
    this.#hooks.hinted(slot)
  }

  gone(slot: Slot): void {
    this.#takeIn(slot)
    remove(this.#slots.all, slot)
    remove(this.#idle, slot)
    this.#timers.remove(slot)
    if (!this.#isAtCapacity()) {
      const next = this.#waiting.shift()
      if (next !== undefined) this.#make(next)
    }
    this.#hooks.gone(slot)
    if (this.#slots.all.length === 0) this.#allClosed?.()
  }

  returned(slot: Slot, destroy: boolean): void {
    slot.isTaken = false
    if (slot.isClosed()) return
    slot.isDoomed ||= destroy || slot.isExtra
    this.#takeIn(slot)
    if (slot.pending === 0) this.#settle(slot)
    else if (destroy)
      slot.interrupt(new Error('The connection was given back to be closed while a statement ran on it'))
    else slot.session.talk.isShared = true
  }

  freed(slot: Slot): void {
    this.#settle(slot)
    this.#hooks.freed()
  }

  /** Nothing runs on it, and nobody has it. */
  #settle(slot: Slot): void {
    if (slot.isDoomed || this.#isClosed) return slot.session.end()
    slot.isDraining = false
    const next = this.#waiting.shift()
    if (next !== undefined) return this.#hand(slot, next)
    this.#idle.push(slot)
    this.#timers.rest(slot)
  }

  #hand(slot: Slot, done: Done): void {
    slot.isTaken = true
    slot.session.talk.isShared = false
    this.#timers.wake(slot)
    void END_OF_TURN.then(() => done(undefined, slot))
  }

  #make(done: Done): void {
    let slot: Slot
    try {
      slot = this.#plans.open(this)
    } catch (error) {
      return void END_OF_TURN.then(() => done(error, undefined))
    }
    this.#slots.all.push(slot)
    this.#hooks.born(slot)
    slot.session.connect().then(
      () => {
        this.#plans.knowsTypes = true
        this.#timers.add(slot)
        done(undefined, slot)
      },
      (error: unknown) => {
        if (this.#plans.fallBack(slot, error)) this.checkOut(done)
        else done(toError(error), undefined)
      },
    )
  }

  #shareable(): Slot | undefined {
    return this.#isAtCapacity() ? this.#slots.shareable(this.#maxPipeline) : undefined
  }

  #isAtCapacity(): boolean {
    return this.#slots.all.length >= this.capacity
  }

  #takeIn(slot: Slot): void {
    if (slot.isExtra) this.#extra -= 1
    slot.isExtra = false
  }

  /** It is old, or idle for long. */
  #retire(slot: Slot): void {
    slot.isDoomed = true
    if (remove(this.#idle, slot)) slot.session.end()
  }
}
