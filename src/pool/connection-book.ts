import type { DriverConnection } from '../driver/driver.ts'
import type { Clock } from '../time/clock.ts'
import type { HeldConnection, Lease } from './lease.ts'
import type { PoolCounters } from './pool-counters.ts'
import type { PoolUsage } from './pool-usage.ts'

/** The connections of one pool: which generation each belongs to, who has it, how many are leased; and their accounts. */
export class ConnectionBook<TConnection> {
  readonly #all = new Map<DriverConnection<TConnection>, HeldConnection<TConnection>>()
  /** The one asked for last, which is mostly asked for again: a pool passes here several times for each lease. */
  #recent: HeldConnection<TConnection> | undefined
  readonly #clock: Clock
  readonly #counters: PoolCounters
  readonly #usage: PoolUsage
  #connecting = 0
  #onNoneBusy: (() => void)[] = []

  constructor(clock: Clock, counters: PoolCounters, usage: PoolUsage) {
    this.#clock = clock
    this.#usage = usage
    this.#counters = counters
  }

  get size(): number {
    return this.#all.size
  }

  get leased(): number {
    return this.#usage.leased
  }

  /** Connections that are still being made. */
  get connecting(): number {
    return this.#connecting
  }

  all(): Iterable<HeldConnection<TConnection>> {
    return this.#all.values()
  }

  find(connection: DriverConnection<TConnection>): HeldConnection<TConnection> | undefined {
    if (this.#recent?.connection !== connection) this.#recent = this.#all.get(connection)
    return this.#recent
  }

  add(connection: DriverConnection<TConnection>, generation: number): void {
    const bornAtMs = this.#clock.nowMs()
    this.#all.set(connection, { connection, generation, bornAtMs, probe: 0, lease: undefined, isNew: true })
    this.#connecting += 1
    this.#counters.connectionsAdded += 1
  }

  /** Takes a connection out; undefined if it was not in. */
  remove(connection: DriverConnection<TConnection>): HeldConnection<TConnection> | undefined {
    const held = this.#all.get(connection)
    if (held === undefined) return undefined
    this.#all.delete(connection)
    this.#recent = undefined
    this.#counters.connectionsRemoved += 1
    this.#madeOrNot(held)
    return held
  }

  /** The driver's pool has handed the connection out, so it was made. Returns how long that took, if it is news. */
  established(held: HeldConnection<TConnection>): number | undefined {
    if (!held.isNew) return undefined
    this.#madeOrNot(held)
    const tookMs = this.#clock.nowMs() - held.bornAtMs
    this.#counters.connected(tookMs)
    return tookMs
  }

  lend(held: HeldConnection<TConnection>, lease: Lease<TConnection>): void {
    held.lease = lease
    this.#usage.leased += 1
  }

  /** Returns how long the lease was held. */
  takeBack(lease: Lease<TConnection>): number {
    lease.held.lease = undefined
    this.#usage.leased -= 1
    const usedMs = this.#clock.nowMs() - lease.grantedAtMs
    this.#counters.returned(usedMs)
    return usedMs
  }

  /** Whether a connection is leased, or a statement runs on it outside of a lease. */
  get #isBusy(): boolean {
    return this.#usage.leased > 0 || [...this.#all.keys()].some((connection) => connection.isAnswering?.())
  }

  /** The statements under way, each by its connection and the number that stands for it there. */
  underWay(): ReadonlyMap<object, number> {
    const found = new Map<object, number>()
    for (const connection of this.#all.keys()) {
      const statement = connection.statementUnderWay?.()
      if (statement !== undefined) found.set(connection, statement)
    }
    return found
  }

  /** Calls back once, when no connection is busy. */
  onNoneBusy(callback: () => void): void {
    if (this.#isBusy) this.#onNoneBusy.push(callback)
    else callback()
  }

  tellIfNoneBusy(): void {
    if (this.#usage.leased > 0 || this.#onNoneBusy.length === 0 || this.#isBusy) return
    for (const callback of this.#onNoneBusy.splice(0)) callback()
  }

  /** Destroys what is idle, and with `leasedToo` what is leased; its holders are told what is known of their work. */
  discard(hostId: string, leasedToo: boolean, cause: Error): void {
    this.interrupt(({ lease, connection }) => {
      if (lease !== undefined) return leasedToo ? lease.lost(hostId, cause) : undefined
      if (leasedToo || connection.isAnswering?.() !== true) return cause
      connection.retire?.()
      return undefined
    })
  }

  /** Destroys the connections that are busy, or all: pending queries reject, the leases end. */
  destroy(which: 'busy' | 'all', cause: Error): void {
    this.interrupt(({ lease, connection }) =>
      which === 'all' || lease !== undefined || connection.isAnswering?.() === true ? cause : undefined,
    )
  }

  /** Destroys the connections for which `causeFor` has a cause. */
  interrupt(causeFor: (held: HeldConnection<TConnection>) => Error | undefined): void {
    for (const held of [...this.#all.values()]) {
      const cause = causeFor(held)
      if (cause !== undefined) held.connection.interrupt(cause)
    }
  }

  #madeOrNot(held: HeldConnection<TConnection>): void {
    if (held.isNew) this.#connecting -= 1
    held.isNew = false
  }
}
