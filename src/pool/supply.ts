import type { DriverConnection, DriverPool } from '../driver/driver.ts'
import { toError } from '../to-error.ts'
import type { Checkout } from './checkout.ts'
import { CheckoutQueue } from './checkout.ts'
import type { Growth } from './growth.ts'
import type { Shelf } from './shelf.ts'
import type { SupplyOwner } from './supply-owner.ts'

/**
 * No more connections than this are being made at one host at a time: a server that has just come back must not meet
 * every caller of every process at once, and one that is stuck in authentication must not hold up more than two. The first one
 * made, and each one given back, serves whoever has waited longest.
 */
export const MAX_CONNECTING = 2

/** Made once: it is waited for with each connection that is handed on. */
const NEXT_MICROTASK = Promise.resolve()

/**
 * Gets connections from the driver's pool to those who wait for one, in the order in which they came.
 *
 * Never asks the driver's pool for more than its capacity, so callers wait here, where they can leave (law 8).
 */
export class ConnectionSupply<TConnection, TPool> {
  readonly #owner: SupplyOwner<TConnection>
  readonly #driverPool: DriverPool<TConnection, TPool>
  readonly #growth: Growth
  readonly #queue: CheckoutQueue<TConnection>
  /** Checkouts under way in the driver's pool. */
  #checkingOut = 0
  /** Connections on their way from one caller to another. */
  #handingOn = 0
  readonly #shelf: Shelf<TConnection>
  #isClosed = false
  readonly #pump = (): void => this.pump()

  constructor(owner: SupplyOwner<TConnection>, driverPool: DriverPool<TConnection, TPool>, growth: Growth) {
    this.#owner = owner
    this.#driverPool = driverPool
    this.#growth = growth
    owner.usage.capacity = driverPool.capacity
    this.#queue = new CheckoutQueue(owner.usage)
    this.#shelf = owner.kept
  }

  /** Callers for whom no connection is under way yet. */
  get waiting(): number {
    return Math.max(0, this.#queue.length - this.#underWay)
  }

  add(checkout: Checkout<TConnection>): void {
    this.#queue.push(checkout)
    this.pump()
  }

  /** Those who wait; they wait no longer. Connections under way for them go to others, or to the driver's pool. */
  takeAll(): Checkout<TConnection>[] {
    return this.#queue.takeAll()
  }

  /** Takes a connection that was given back. */
  takeBack(connection: DriverConnection<TConnection>, destroy: boolean): void {
    const canPassOn = !destroy && connection.canPassOn?.() === true
    if (canPassOn && this.#queue.length > 0) return this.#handOn(connection)
    if (canPassOn && this.#mayKeep) return this.#shelf.put(connection)
    connection.giveBack(destroy)
    this.pump()
  }

  /** Gets connections for those who wait, as many as there is room for. */
  pump(): void {
    this.#owner.usage.capacity = this.#driverPool.capacity
    if (this.#queue.length === 0) return
    // An idle connection is quicker than one that is still being made, whoever that one was begun for.
    while (this.#queue.length > this.#expected + this.#handingOn) {
      const kept = this.#shelf.take()
      if (kept === undefined) break
      this.#handOn(kept)
    }
    while (this.#queue.length > this.#expected + this.#handingOn && this.#hasRoom() && this.#hasIdle()) this.#fetch()
    while (this.#queue.length > this.#underWay && this.#hasRoom() && this.#mayMake()) this.#fetch()
  }

  /** Has another connection made in advance; false when there are `target` of them, or as many as are allowed. */
  warm(target: number): boolean {
    if (this.#owner.size >= target || !this.#hasRoom()) {
      this.cool()
      return false
    }
    if (this.#queue.length > 0 || this.#making >= MAX_CONNECTING) return true
    // The driver's pool makes no connection while it has an idle one.
    this.#shelf.isWarming = true
    while (this.#hasIdle() && this.#hasRoom()) this.#fetch()
    if (this.#hasRoom()) this.#fetch()
    return true
  }

  /** Ends warming: what was put aside goes to the driver's pool, or is destroyed. */
  cool(destroy = false): void {
    this.#shelf.isWarming = false
    this.#shelf.clear(destroy)
  }

  /** Keeps nothing any more. */
  close(): void {
    this.#isClosed = true
    this.cool()
  }

  get #underWay(): number {
    return this.#checkingOut + this.#handingOn
  }

  get #mayKeep(): boolean {
    return this.#driverPool.isBypassed === true && !this.#isClosed
  }

  /** Checkouts for which no connection is being made, or not yet: a driver's pool may look a turn later. */
  get #expected(): number {
    return Math.max(0, this.#checkingOut - this.#owner.connecting)
  }

  /** Connections being made, and those that will have to be: there are more checkouts than idle connections for them. */
  get #making(): number {
    return this.#owner.connecting + Math.max(0, this.#expected - this.#driverPool.idle)
  }

  #mayMake(): boolean {
    const { size, connecting } = this.#owner
    const making = this.#making
    return making < MAX_CONNECTING && this.#growth.admits(size - connecting + making, this.#pump)
  }

  #hasIdle(): boolean {
    return this.#driverPool.idle > this.#expected
  }

  #hasRoom(): boolean {
    return this.#owner.usage.leased + this.#underWay + this.#shelf.length < this.#driverPool.capacity
  }

  /**
   * Brings a connection to the next caller. Not in the same turn: who gives back twice must not end the next one's lease with
   * the second call.
   */
  #handOn(connection: DriverConnection<TConnection>): void {
    this.#handingOn += 1
    void NEXT_MICROTASK.then(() => {
      this.#handingOn -= 1
      if (!this.#arrived(connection)) this.pump()
    })
  }

  #fetch(): void {
    const { generation } = this.#owner
    this.#checkingOut += 1
    this.#driverPool.checkOut((error, connection) => {
      this.#checkingOut -= 1
      if (connection === undefined) this.#failed(toError(error), generation)
      else this.#arrived(connection)
      this.pump()
    })
  }

  /** False if it is of no use any more. */
  #arrived(connection: DriverConnection<TConnection>): boolean {
    if (!this.#owner.isFresh(connection)) {
      connection.giveBack(true)
      return false
    }
    let declined: Checkout<TConnection>[] | undefined
    let taker = this.#queue.shift()
    while (taker !== undefined && !this.#owner.lend(connection, taker)) {
      ;(declined ??= []).push(taker)
      taker = this.#queue.shift()
    }
    if (taker === undefined) this.#putAway(connection)
    if (declined !== undefined) for (const each of declined) each.displaced(this.#owner.hostId)
    return true
  }

  #putAway(connection: DriverConnection<TConnection>): void {
    if (this.#shelf.isWarming || (this.#mayKeep && connection.canPassOn?.() === true)) this.#shelf.put(connection)
    else connection.giveBack(false)
  }

  #failed(error: Error, generation: number): void {
    this.cool()
    const fault = this.#owner.connectFailed(error, generation)
    // One that `clear` made void says nothing to those who came after; and others may be on their way for all who wait.
    if (generation !== this.#owner.generation || this.#queue.length <= this.#underWay) return
    this.#queue.shift()?.refused(error, this.#owner.hostId, fault)
  }
}
