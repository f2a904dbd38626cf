import type { Driver, DriverConnection, DriverPool, DriverPoolHooks, PoolOptions } from '../driver/driver.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import { QueueFullError } from '../errors.ts'
import type { Checkout } from './checkout.ts'
import { CheckoutQueue, QUEUE_LIMIT } from './checkout.ts'
import { ConnectionBook } from './connection-book.ts'
import type { HostPoolListener } from './host-pool-listener.ts'
import { Lease } from './lease.ts'
import type { Lessor } from './lease.ts'
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
  readonly #book = new ConnectionBook<TConnection>()
  readonly #waiting = new CheckoutQueue<TConnection>()
  readonly #inFlight = new CheckoutQueue<TConnection>()
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
    return this.#book.leased + this.#checkingOut + this.#waiting.length
  }

  get leased(): number {
    return this.#book.leased
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Open connections, the ones still connecting included. */
  get size(): number {
    return this.#book.size
  }

  leaseOf(connection: DriverConnection<TConnection>): Lease<TConnection> | undefined {
    return this.#book.find(connection)?.lease
  }

  checkOut(checkout: Checkout<TConnection>): void {
    if (this.#hasRoom()) this.#fetch(checkout)
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
    this.#book.discard(this.hostId, interrupt, cause)
    this.dismiss('displaced')
  }

  /** Whoever waits here leaves, and is told so; all leave before any is told, for one may come back at once. */
  dismiss(how: 'displaced' | 'closed'): void {
    for (const checkout of [...this.#inFlight.takeAll(), ...this.#waiting.takeAll()]) checkout[how](this.hostId)
  }

  /** Destroys the connections that are leased, or all: pending queries reject, the leases end. */
  destroy(which: 'leased' | 'all', cause: Error): void {
    this.#book.interrupt(({ lease }) => (which === 'all' || lease !== undefined ? cause : undefined))
  }

  /** Calls back once, when no connection is leased. */
  onIdle(callback: () => void): void {
    this.#book.onNoneLeased(callback)
  }

  born(connection: DriverConnection<TConnection>): void {
    this.#book.add(connection, this.#generation)
    this.counters.connectionsAdded += 1
    this.#listener.connectionBorn(this.hostId, connection)
  }

  gone(connection: DriverConnection<TConnection>): void {
    const held = this.#book.remove(connection)
    if (held === undefined) return
    this.counters.connectionsRemoved += 1
    held.lease?.reclaim()
  }

  failed(connection: DriverConnection<TConnection>, error: unknown): void {
    const fault = this.#driver.classify(error, 'session')
    const held = this.#book.find(connection)
    held?.lease?.failed(error, fault)
    if (fault !== undefined)
      this.#listener.hostFault(this.hostId, fault, toError(error), held?.generation ?? this.#generation)
  }

  hinted(): void {
    this.#listener.roleHint(this.hostId)
  }

  returned(lease: Lease<TConnection>, destroy: boolean): void {
    const { connection } = lease.held
    this.#book.takeBack(lease.held)
    this.counters.releases += 1
    connection.giveBack(destroy || lease.generation < this.#generation || connection.isClosed())
    this.#listener.released(this.hostId, connection.native)
    // Whoever waits for a connection that is still being made can have this one.
    if (this.#book.connecting > 0 && this.#inFlight.length > 0 && this.#hasRoom()) this.#fetch()
    this.#pump()
    this.#book.tellIfNoneLeased()
  }

  /** Has the driver fetch a connection: whichever comes first is for the caller who came first. */
  #fetch(caller?: Checkout<TConnection>): void {
    if (caller !== undefined) this.#inFlight.push(caller)
    this.#checkingOut += 1
    const generation = this.#generation
    this.driverPool.checkOut((error, connection) => {
      this.#checkingOut -= 1
      if (connection === undefined) this.#fetchFailed(error, generation)
      else this.#deliver(connection)
      this.#pump()
    })
  }

  #deliver(connection: DriverConnection<TConnection>): void {
    const held = this.#book.find(connection)
    if (held?.generation !== this.#generation || connection.isClosed()) {
      connection.giveBack(true)
      if (this.#isShort()) this.#fetch()
      return
    }
    this.#book.established(held)
    const taker = this.#inFlight.shift() ?? this.#waiting.shift()
    if (taker === undefined) {
      connection.giveBack(false)
    } else {
      this.#book.lend(held, new Lease(this, held))
      taker.granted(connection.native)
    }
  }

  #fetchFailed(error: unknown, generation: number): void {
    const [fault, cause] = [this.#driver.classify(error, 'connect'), toError(error)]
    this.counters.connectErrors += 1
    if (fault !== undefined) this.#listener.hostFault(this.hostId, fault, cause, generation)
    if (!this.#isShort()) return
    // One that `clear` made void says nothing to those who came after.
    if (generation === this.#generation) this.#inFlight.shift()?.refused(cause, this.hostId, fault)
    else this.#fetch()
  }

  /** Whether more callers are promised a connection than connections are on their way. */
  #isShort(): boolean {
    return this.#inFlight.length > this.#checkingOut
  }

  #hasRoom(): boolean {
    return this.#book.leased + this.#checkingOut < this.driverPool.capacity
  }

  #pump(): void {
    while (this.#hasRoom()) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#fetch(next)
    }
  }
}
