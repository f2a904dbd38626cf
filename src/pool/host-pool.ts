import type { Driver, DriverConnection, DriverPool, DriverPoolHooks } from '../driver/driver.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import { QueueFullError } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { Checkout } from './checkout.ts'
import { QUEUE_LIMIT } from './checkout.ts'
import { ConnectionBook } from './connection-book.ts'
import { Growth } from './growth.ts'
import type { HostPoolOptions } from './host-pool-options.ts'
import type { HostPoolListener } from './host-pool-listener.ts'
import { Lease } from './lease.ts'
import type { HeldConnection, Lessor } from './lease.ts'
import { PoolCounters } from './pool-counters.ts'
import { PoolUsage } from './pool-usage.ts'
import { Shelf } from './shelf.ts'
import { SignsOfLife } from './signs-of-life.ts'
import { ConnectionSupply } from './supply.ts'
import type { SupplyOwner } from './supply-owner.ts'
import { toError } from '../to-error.ts'

/** One host's pool: the driver's pool, the leases, those who wait, and the generation that tells void connections. */
export class HostPool<TConnection, TPool>
  implements DriverPoolHooks<TConnection>, Lessor<TConnection>, SupplyOwner<TConnection>
{
  readonly hostId: HostId
  readonly driverPool: DriverPool<TConnection, TPool>
  readonly counters: PoolCounters = new PoolCounters()
  /** Live. */
  readonly usage: PoolUsage = new PoolUsage()
  readonly kept: Shelf<TConnection>
  readonly signs: SignsOfLife<TConnection>
  readonly #driver: Driver<TConnection, TPool>
  readonly #listener: HostPoolListener<TConnection>
  readonly #book: ConnectionBook<TConnection>
  readonly #growth: Growth
  readonly #supply: ConnectionSupply<TConnection, TPool>
  #generation = 0

  constructor(
    driver: Driver<TConnection, TPool>,
    spec: HostSpec,
    options: HostPoolOptions,
    listener: HostPoolListener<TConnection>,
  ) {
    this.hostId = spec.hostId
    this.#driver = driver
    this.#listener = listener
    this.kept = new Shelf(options.clock)
    this.#book = new ConnectionBook(options.clock, this.counters, this.usage)
    this.signs = new SignsOfLife(options.clock, this)
    this.driverPool = driver.openPool(spec, options, this)
    this.#growth = new Growth(options.clock, options.random)
    this.#supply = new ConnectionSupply(this, this.driverPool, this.#growth)
  }

  get leased(): number {
    return this.#book.leased
  }

  /** Callers for whom no connection is under way. */
  get waiting(): number {
    return this.#supply.waiting
  }

  get size(): number {
    return this.#book.size
  }

  get connecting(): number {
    return this.#book.connecting
  }

  get generation(): number {
    return this.#generation
  }

  connections(): Iterable<HeldConnection<TConnection>> {
    return this.#book.all()
  }

  /** The statements under way, in leases and outside of them. */
  statementsUnderWay(): ReadonlyMap<object, number> {
    return this.#book.underWay()
  }

  leaseOf(connection: DriverConnection<TConnection>): Lease<TConnection> | undefined {
    return this.#book.find(connection)?.lease
  }

  checkOut(checkout: Checkout<TConnection>): void {
    if (this.usage.queued < QUEUE_LIMIT || this.waiting < QUEUE_LIMIT) this.#supply.add(checkout)
    else checkout.refused(new QueueFullError(QUEUE_LIMIT), this.hostId)
  }

  /** Whether every connection is in use, for which the caller waits here. */
  isQueued(checkout: Checkout<TConnection>): boolean {
    return checkout.link.place !== undefined && this.#book.leased >= this.driverPool.capacity
  }

  /** The caller waits no longer. A connection that still comes for it goes to the next caller, or back. */
  leave(checkout: Checkout<TConnection>): void {
    checkout.link.place?.remove(checkout)
  }

  /** The host has come back, or is the new master: everybody wants it now. */
  recover(): void {
    this.#growth.begin()
  }

  /** Has one more connection made in advance; false when there are `target`, or as many as there may be. */
  warm(target: number): boolean {
    return this.#supply.warm(target)
  }

  /** Ends what `warm` began. */
  cool(): void {
    this.#supply.cool()
  }

  /**
   * Connections made so far are void: those idle are dropped now, those leased when they come back, or at once with
   * `interrupt`. Whoever waits here is sent on.
   */
  clear(generation: number, interrupt: boolean, cause: Error): void {
    this.#generation = generation
    this.#supply.cool(true)
    this.#book.discard(this.hostId, interrupt, cause)
    this.dismiss('displaced')
  }

  /** Whoever waits here leaves, and is told so; all leave before any is told, for one may come back at once. */
  dismiss(how: 'displaced' | 'closed'): void {
    if (how === 'closed') this.#supply.close()
    this.#growth.stop()
    for (const checkout of this.#supply.takeAll()) checkout[how](this.hostId)
  }

  /** Destroys the connections that are leased or answer a statement, or all: what is pending rejects, the leases end. */
  destroy(which: 'busy' | 'all', cause: Error): void {
    this.#book.destroy(which, cause)
  }

  /** Calls back once, when no connection is busy. */
  onIdle(callback: () => void): void {
    this.#book.onNoneBusy(callback)
  }

  born(connection: DriverConnection<TConnection>): void {
    this.#book.add(connection, this.#generation)
    this.#listener.connectionBorn(this.hostId, connection)
  }

  gone(connection: DriverConnection<TConnection>): void {
    const held = this.#book.remove(connection)
    if (held === undefined) return
    this.kept.drop(connection)
    held.lease?.reclaim()
    this.freed()
  }

  failed(connection: DriverConnection<TConnection>, error: unknown): void {
    const fault = this.#driver.classify(error, 'session')
    const held = this.#book.find(connection)
    held?.lease?.failed(error, fault)
    if (fault === undefined) return
    const { generation = this.#generation, bornAtMs: createdAtMs = -Infinity } = held ?? {}
    this.#listener.hostFault(this.hostId, fault, toError(error), generation, createdAtMs)
  }

  freed(): void {
    this.#supply.pump()
    this.#book.tellIfNoneBusy()
  }

  hinted(): void {
    this.#listener.roleHint(this.hostId)
  }

  returned(lease: Lease<TConnection>, destroy: boolean): void {
    const { connection } = lease.held
    const usedMs = this.#book.takeBack(lease)
    connection.unbind?.()
    this.#listener.released(this.hostId, connection.native, usedMs)
    this.#supply.takeBack(connection, destroy || !this.isFresh(connection))
    this.#book.tellIfNoneBusy()
  }

  isFresh(connection: DriverConnection<TConnection>): boolean {
    const held = this.#book.find(connection)
    if (held === undefined) return false
    const tookMs = this.#book.established(held)
    if (tookMs !== undefined) {
      held.probe = this.#listener.connected(this.hostId, connection.native, tookMs)
      const isStandby = connection.isStandby?.()
      if (isStandby !== undefined) this.#listener.roleTold(this.hostId, isStandby)
    }
    return held.generation === this.#generation && !connection.isClosed()
  }

  lend(connection: DriverConnection<TConnection>, taker: Checkout<TConnection>): boolean {
    const held = this.#book.find(connection)
    if (held === undefined) return true
    if (taker.declines(held.probe)) return false
    const lease = new Lease(this, held)
    this.#book.lend(held, lease)
    taker.granted(connection.native, lease)
    return true
  }

  connectFailed(error: Error, generation: number): HostFault | undefined {
    const fault = this.#driver.classify(error, 'connect')
    this.counters.connectErrors += 1
    if (fault !== undefined) this.#listener.hostFault(this.hostId, fault, error, generation, undefined)
    return fault
  }
}
