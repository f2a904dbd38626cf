import type { Driver, DriverConnection, DriverPool, DriverPoolHooks, PoolOptions } from '../driver/driver.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import { HostLostError, QueueFullError } from '../errors.ts'
import type { Checkout } from './checkout.ts'
import { CheckoutQueue, QUEUE_LIMIT } from './checkout.ts'
import type { HostPoolListener } from './host-pool-listener.ts'
import { Lease } from './lease.ts'
import type { HeldConnection, Lessor } from './lease.ts'
import { PoolCounters } from './pool-counters.ts'
import { toError } from '../to-error.ts'

/**
 * One host's pool: the driver's pool, a count of leases, a queue, and the generation that tells void connections.
 *
 * Never asks the driver's pool for more than its capacity, so callers wait here, where they can leave (law 8).
 */
export class HostPool<TConnection, TPool> implements DriverPoolHooks<TConnection>, Lessor<TConnection> {
  readonly hostId: HostId
  readonly driverPool: DriverPool<TConnection, TPool>
  readonly counters: PoolCounters = new PoolCounters()
  readonly #driver: Driver<TConnection, TPool>
  readonly #listener: HostPoolListener<TConnection>
  readonly #connections = new Map<DriverConnection<TConnection>, HeldConnection<TConnection>>()
  readonly #waiting = new CheckoutQueue<TConnection>()
  readonly #inFlight = new CheckoutQueue<TConnection>()
  #idleListeners: (() => void)[] = []
  #leased = 0
  #checkingOut = 0
  #generation = 0

  constructor(
    driver: Driver<TConnection, TPool>,
    spec: HostSpec,
    options: PoolOptions,
    listener: HostPoolListener<TConnection>,
  ) {
    this.hostId = spec.hostId
    this.#driver = driver
    this.#listener = listener
    this.driverPool = driver.openPool(spec, options, this)
  }

  /** Leased, being checked out, or waited for. */
  get load(): number {
    return this.#leased + this.#checkingOut + this.#waiting.length
  }

  get leased(): number {
    return this.#leased
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Open connections, the ones still connecting included. */
  get size(): number {
    return this.#connections.size
  }

  leaseOf(connection: DriverConnection<TConnection>): Lease<TConnection> | undefined {
    return this.#connections.get(connection)?.lease
  }

  checkOut(checkout: Checkout<TConnection>): void {
    if (this.#leased + this.#checkingOut < this.driverPool.capacity) this.#begin(checkout)
    else if (this.#waiting.length < QUEUE_LIMIT) this.#waiting.push(checkout)
    else checkout.refused(new QueueFullError(QUEUE_LIMIT), this.hostId)
  }

  /** Whether the caller waits because every connection is in use. */
  isQueued(checkout: Checkout<TConnection>): boolean {
    return checkout.link.place === this.#waiting
  }

  /** The caller waits no longer. A connection that still comes for it goes to the next caller, or back. */
  leave(checkout: Checkout<TConnection>): void {
    checkout.link.place?.remove(checkout)
  }

  /**
   * Connections made so far are void: those idle are dropped now, those leased when they come back, or at once with
   * `interrupt`. Whoever waits here is sent on.
   */
  clear(generation: number, interrupt: boolean, cause: Error): void {
    this.#generation = generation
    const lost = new HostLostError(this.hostId, 'unknown', 'was lost while the connection was leased', { cause })
    for (const { connection, lease } of [...this.#connections.values()]) {
      if (lease === undefined) connection.interrupt(cause)
      else if (interrupt) connection.interrupt(lost)
    }
    this.sendOn()
  }

  /** Whoever waits here chooses again. */
  sendOn(): void {
    // All leave before any is told: one that chooses this host again must not be sent on once more.
    for (const checkout of [...this.#inFlight.takeAll(), ...this.#waiting.takeAll()]) checkout.displaced(this.hostId)
  }

  /** Destroys the connections that are leased, or all: pending queries reject, the leases end. */
  destroy(which: 'leased' | 'all', cause: Error): void {
    for (const { connection, lease } of [...this.#connections.values()]) {
      if (which === 'all' || lease !== undefined) connection.interrupt(cause)
    }
  }

  /** Nobody who waits here will get a connection any more. */
  rejectWaiting(): void {
    for (const checkout of [...this.#inFlight.takeAll(), ...this.#waiting.takeAll()]) checkout.closed()
  }

  /** Calls back once, when no connection is leased. */
  onIdle(callback: () => void): void {
    if (this.#leased === 0) callback()
    else this.#idleListeners.push(callback)
  }

  born(connection: DriverConnection<TConnection>): void {
    this.#connections.set(connection, { connection, generation: this.#generation, lease: undefined })
    this.counters.connectionsAdded += 1
    this.#listener.connectionBorn(this.hostId, connection)
  }

  gone(connection: DriverConnection<TConnection>): void {
    const held = this.#connections.get(connection)
    if (held === undefined) return
    this.#connections.delete(connection)
    this.counters.connectionsRemoved += 1
    held.lease?.reclaim()
  }

  failed(connection: DriverConnection<TConnection>, error: unknown): void {
    const fault = this.#driver.classify(error, 'session')
    if (fault === undefined) return
    const held = this.#connections.get(connection)
    held?.lease?.doom()
    this.#listener.hostFault(this.hostId, fault, toError(error), held?.generation ?? this.#generation)
  }

  hinted(): void {
    this.#listener.roleHint(this.hostId)
  }

  returned(lease: Lease<TConnection>, destroy: boolean): void {
    const { held } = lease
    const { connection } = held
    held.lease = undefined
    this.#leased -= 1
    this.counters.releases += 1
    connection.giveBack(destroy || lease.generation < this.#generation || connection.isClosed())
    this.#listener.released(this.hostId, connection.native)
    this.#pump()
    if (this.#leased === 0 && this.#idleListeners.length > 0)
      for (const listener of this.#idleListeners.splice(0)) listener()
  }

  #begin(checkout: Checkout<TConnection>): void {
    this.#checkingOut += 1
    this.#inFlight.push(checkout)
    const generation = this.#generation
    this.driverPool.checkOut((error, connection) => {
      this.#checkingOut -= 1
      // Sent on by `clear`, it may be in flight again by now, for a connection of the new generation.
      const taker = generation === this.#generation && checkout.link.place === this.#inFlight ? checkout : undefined
      if (taker !== undefined) this.#inFlight.remove(taker)
      if (connection === undefined) this.#refuse(taker, error, generation)
      else this.#deliver(taker ?? this.#waiting.shift(), connection)
      this.#pump()
    })
  }

  #deliver(taker: Checkout<TConnection> | undefined, connection: DriverConnection<TConnection>): void {
    const held = this.#connections.get(connection)
    if (held?.generation !== this.#generation || connection.isClosed()) {
      connection.giveBack(true)
      if (taker !== undefined) this.#begin(taker)
    } else if (taker === undefined) {
      connection.giveBack(false)
    } else {
      this.#leased += 1
      held.lease = new Lease(this, held)
      taker.granted(connection.native)
    }
  }

  #refuse(taker: Checkout<TConnection> | undefined, error: unknown, generation: number): void {
    const [fault, cause] = [this.#driver.classify(error, 'connect'), toError(error)]
    this.counters.connectErrors += 1
    if (fault !== undefined) this.#listener.hostFault(this.hostId, fault, cause, generation)
    taker?.refused(cause, this.hostId, fault)
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#leased + this.#checkingOut < this.driverPool.capacity) {
      const next = this.#waiting.shift()
      if (next !== undefined) this.#begin(next)
    }
  }
}
