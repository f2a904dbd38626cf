import type { Driver, DriverConnection } from '../driver/driver.ts'
import type { Dsn } from '../dsn/dsn.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { AddressBook } from '../network/address-book.ts'
import { HostMonitor } from '../monitor/host-monitor.ts'
import type { HostPoolListener } from '../pool/host-pool-listener.ts'
import { HostPool } from '../pool/host-pool.ts'
import { Waiters } from '../selection/waiters.ts'
import { ExpiryQueue } from '../time/expiry-queue.ts'
import type { TopologyChange } from '../topology/diff.ts'
import { TopologyStore } from '../topology/store.ts'
import { initialTopology } from '../topology/topology.ts'
import type { Topology } from '../topology/topology.ts'
import type { AcquireDesk } from './acquire-desk.ts'
import type { AcquirePlan } from './acquire-options.ts'
import { Acquisition } from './acquisition.ts'
import { applyChange, emitChange } from './apply-changes.ts'
import { Desks } from './desks.ts'
import type { ManagerEvents } from './events.ts'
import { Emitter } from './events.ts'
import { HostCandidate } from './host-candidate.ts'
import { ManagerCounters } from './manager-counters.ts'
import type { ResolvedOptions } from './options.ts'
import { openAddressBook } from './open-address-book.ts'
import { preferenceFor } from './options.ts'
import { Origins } from './origins.ts'
import { PoolWarmer } from './pool-warmer.ts'
import type { Router } from './router.ts'
import { ShutdownSigns } from './shutdown-signs.ts'
import { StuckLeases } from './stuck-leases.ts'

/** The parts of one manager, and the wires between them; what the public class is a front for. */
export class Engine<TConnection, TPool> implements HostPoolListener<TConnection> {
  readonly driver: Driver<TConnection, TPool>
  readonly options: ResolvedOptions
  readonly candidates: ReadonlyMap<HostId, HostCandidate<TConnection, TPool>>
  readonly monitors: ReadonlyMap<HostId, HostMonitor>
  readonly store: TopologyStore
  readonly waiters: Waiters = new Waiters()
  readonly expiry: ExpiryQueue
  readonly emitter: Emitter<ManagerEvents<TConnection>>
  readonly counters: ManagerCounters = new ManagerCounters()
  readonly addresses: AddressBook
  readonly warmer: PoolWarmer
  readonly stuck: StuckLeases
  readonly origins: Origins<TConnection, TPool> = new Origins()
  readonly #releaseListeners: ReadonlySet<unknown>
  readonly #router: Router<TConnection, TPool>
  readonly #desks: Desks<TConnection, TPool>
  readonly #desk: AcquireDesk<TConnection, TPool>
  readonly #shutdowns = new ShutdownSigns()

  constructor(driver: Driver<TConnection, TPool>, dsn: Dsn, options: ResolvedOptions) {
    this.driver = driver
    this.options = options
    const { clock, random, multiMaster } = options
    const [first, ...others] = dsn.hosts
    const initial = initialTopology([first.hostId, ...others.map(({ hostId }) => hostId)], clock.nowMs())
    this.store = new TopologyStore(initial, { multiMaster }, (topology, changes) => this.#changed(topology, changes))
    this.emitter = new Emitter((error) => {
      // A listener's bug is the application's: it surfaces as one, but cannot stop what the change set off.
      clock.afterPendingIo(() => {
        throw error
      })
    })
    this.#releaseListeners = this.emitter.listenersOf('release')
    this.expiry = new ExpiryQueue(clock, options.allowExitOnIdle ? 'process' : 'nothing')
    this.addresses = openAddressBook(options)
    this.candidates = new Map(dsn.hosts.map((spec) => [spec.hostId, this.#candidate(driver, spec)]))
    this.monitors = new Map(dsn.hosts.map((spec) => [spec.hostId, this.#monitor(driver, spec)]))
    this.#desks = new Desks(this)
    this.#router = this.#desks.router
    this.#desk = this.#desks.usual
    const poolOf = (hostId: HostId): HostPool<TConnection, TPool> | undefined => this.candidates.get(hostId)?.pool
    this.warmer = new PoolWarmer({ clock, random, hold: 'nothing', poolOf })
    this.stuck = new StuckLeases(poolOf)
  }

  start(): void {
    for (const monitor of this.monitors.values()) monitor.start()
  }

  /** Leases a connection; from a host of `shunned` only when there is no other. Calls back once, perhaps in the same turn. */
  acquire(
    { target, timeoutMs, signal }: AcquirePlan,
    shunned: ReadonlySet<HostId> | undefined,
    granted: (connection: TConnection) => void,
    failed: (error: Error) => void,
  ): void {
    const { freshness } = target
    const desk = freshness === undefined ? this.#desk : this.#desks.freshFor(freshness)
    new Acquisition(desk, target, timeoutMs, signal, shunned, granted, failed).begin()
  }

  /** The host that serves a target now; nothing waits. */
  choose(target: AcquirePlan['target']): HostCandidate<TConnection, TPool> | undefined {
    return this.#router.choose(target, undefined)
  }

  connectionBorn(hostId: HostId, connection: DriverConnection<TConnection>): void {
    const pool = this.candidates.get(hostId)?.pool
    if (pool !== undefined) this.origins.add(connection, pool)
  }

  hostFault(hostId: HostId, seen: HostFault, cause: Error, generation: number): void {
    const [monitor, pool] = [this.monitors.get(hostId), this.candidates.get(hostId)?.pool]
    if (monitor === undefined || pool === undefined) return
    // A server that fails inside is up: that is counted, and nothing else follows from it.
    if (seen === 'server-error') return void (pool.counters.serverErrors += 1)
    const evidence = { probe: monitor.sequence, generation }
    const atMs = this.options.clock.nowMs()
    const fault = this.#shutdowns.judge(hostId, seen, cause, generation, atMs)
    this.store.apply({ kind: 'failed', hostId, atMs, evidence, fault, cause })
    monitor.requestProbe('fault')
  }

  roleHint(hostId: HostId): void {
    this.monitors.get(hostId)?.requestProbe('fault')
  }

  released(host: HostId, connection: TConnection): void {
    if (this.#releaseListeners.size > 0) this.emitter.emit('release', { host, connection })
  }

  #changed(topology: Topology, changes: readonly TopologyChange[]): void {
    this.#router.update(topology)
    this.counters.count(changes)
    for (const change of changes) applyChange(change, topology, this)
    this.waiters.retryAll()
    this.warmer.changed(topology, changes)
    for (const change of changes) emitChange(change, topology, this.emitter)
    if (changes.length > 0) this.emitter.emit('topologyChange', { topology })
    for (const stuck of this.stuck.changed(topology)) this.emitter.emit('leasesStuck', stuck)
  }

  clearPool(hostId: HostId, generation: number, interrupt: boolean, cause: Error): void {
    this.candidates.get(hostId)?.pool.clear(generation, interrupt, cause)
  }

  sendOn(hostId: HostId): void {
    this.candidates.get(hostId)?.pool.dismiss('displaced')
  }

  recover(hostId: HostId): void {
    this.candidates.get(hostId)?.pool.recover()
  }

  searchMaster(): void {
    for (const monitor of this.monitors.values()) monitor.requestProbe('fault')
  }

  #candidate(driver: Driver<TConnection, TPool>, spec: Dsn['hosts'][0]): HostCandidate<TConnection, TPool> {
    const pool = new HostPool(driver, spec, { ...this.options, lookup: this.addresses.lookup }, this)
    return new HostCandidate(spec, pool, preferenceFor(this.options, spec.hostId), this.options.clock)
  }

  #monitor(driver: Driver<TConnection, TPool>, spec: Dsn['hosts'][0]): HostMonitor {
    return new HostMonitor(driver, spec, {
      ...this.options,
      hold: this.options.allowExitOnIdle ? 'nothing' : 'process',
      topology: () => this.store.current,
      observe: (seen) => this.store.apply(seen),
      lookup: this.addresses.lookup,
      onStall: () => {
        this.counters.stalls += 1
      },
    })
  }
}
