import type { Driver, DriverConnection } from '../driver/driver.ts'
import type { Dsn } from '../dsn/dsn.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { AddressBook } from '../network/address-book.ts'
import type { HostMonitor } from '../monitor/host-monitor.ts'
import { acquireChannel, isHeard, topologyChannel } from '../metrics/channels.ts'
import { ProbeAccount } from '../metrics/probe-account.ts'
import type { HostPoolListener } from '../pool/host-pool-listener.ts'
import { HostPool } from '../pool/host-pool.ts'
import { Waiters } from '../selection/waiters.ts'
import { ExpiryQueue } from '../time/expiry-queue.ts'
import type { TopologyChange } from '../topology/diff.ts'
import { TopologyStore } from '../topology/store.ts'
import { initialTopology } from '../topology/topology.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import type { AcquireDesk } from './acquire-desk.ts'
import type { AcquirePlan } from './acquire-options.ts'
import { Acquisition } from './acquisition.ts'
import { applyChange, emitChange } from './apply-changes.ts'
import { ChangeLog } from './change-log.ts'
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
import { probeRoutes } from './probe-option.ts'
import type { Router } from './router.ts'
import { SessionLossDetector } from './session-loss-detector.ts'
import { StuckLeases } from './stuck-leases.ts'
import { SyncWaits } from './sync-waits.ts'
import { traceAcquire } from './trace-acquire.ts'
import { watchHost } from './watch-host.ts'

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
  readonly syncWaits: SyncWaits
  readonly origins: Origins<TConnection, TPool> = new Origins()
  /** The manager whose parts these are, as messages of channels name it. */
  readonly #manager: object
  readonly #releaseListeners: ReadonlySet<unknown>
  readonly #router: Router<TConnection, TPool>
  readonly #desks: Desks<TConnection, TPool>
  readonly #desk: AcquireDesk<TConnection, TPool>
  readonly #losses = new SessionLossDetector()
  readonly #log: ChangeLog | undefined

  constructor(driver: Driver<TConnection, TPool>, dsn: Dsn, options: ResolvedOptions, manager: object) {
    this.#manager = manager
    this.driver = driver
    this.options = options
    const { clock, random, multiMaster } = options
    const routeOf = probeRoutes(dsn, options.probe)
    const [first, ...others] = dsn.hosts
    const initial = initialTopology([first.hostId, ...others.map(({ hostId }) => hostId)], clock.nowMs())
    this.store = new TopologyStore(initial, { multiMaster }, (topology, changes) => this.#changed(topology, changes))
    // A listener's bug is the application's: it surfaces as one, but cannot stop what the change set off.
    const reportBug = (error: unknown): void =>
      clock.afterPendingIo(() => {
        throw error
      })
    this.emitter = new Emitter(reportBug)
    this.#log = options.logger === undefined ? undefined : new ChangeLog(options.logger, reportBug)
    this.#releaseListeners = this.emitter.listenersOf('release')
    this.expiry = new ExpiryQueue(clock, options.allowExitOnIdle ? 'process' : 'nothing')
    this.addresses = openAddressBook(options)
    const poolOf = (hostId: HostId): HostPool<TConnection, TPool> | undefined => this.candidates.get(hostId)?.pool
    this.syncWaits = new SyncWaits({
      ...{ clock, refreshDelayMs: options.refreshDelayMs, poolOf, topology: () => this.store.current },
      began: (wait) => {
        this.#log?.syncWait(wait, clock.nowMs())
        this.emitter.emit('syncWait', wait)
      },
      ended: (end) => {
        this.#log?.syncWaitEnded(end)
        this.emitter.emit('syncWaitEnded', end)
      },
    })
    this.candidates = new Map(dsn.hosts.map((spec) => [spec.hostId, this.#candidate(driver, spec)]))
    this.monitors = new Map([...this.candidates].map(([id, host]) => [id, watchHost(this, host, routeOf(host.spec))]))
    this.#desks = new Desks(this)
    this.#router = this.#desks.router
    this.#desk = this.#desks.usual
    this.warmer = new PoolWarmer({ clock, random, hold: 'nothing', poolOf })
    this.stuck = new StuckLeases(poolOf)
  }

  start(): void {
    for (const monitor of this.monitors.values()) monitor.start()
  }

  /** Leases a connection; from a host of `shunned` only when there is no other. Calls back once, perhaps in the same turn. */
  acquire(
    plan: AcquirePlan,
    shunned: ReadonlySet<HostId> | undefined,
    granted: (connection: TConnection) => void,
    failed: (error: Error) => void,
  ): void {
    const { freshness } = plan.target
    const desk = freshness === undefined ? this.#desk : this.#desks.freshFor(freshness)
    // A function of its own, so that nothing is allocated for its closures when nobody listens.
    if (isHeard(acquireChannel)) traceAcquire(this.#manager, desk, plan, shunned, granted, failed)
    else new Acquisition(desk, plan.target, plan.timeoutMs, plan.signal, shunned, granted, failed).begin()
  }

  /** The host that serves a target now; nothing waits. */
  choose(target: AcquirePlan['target']): HostCandidate<TConnection, TPool> | undefined {
    return this.#router.choose(target, undefined)
  }

  connectionBorn(hostId: HostId, connection: DriverConnection<TConnection>): void {
    const pool = this.candidates.get(hostId)?.pool
    if (pool !== undefined) this.origins.add(connection, pool)
  }

  hostFault(hostId: HostId, seen: HostFault, cause: Error, generation: number, createdAtMs: number | undefined): void {
    const [monitor, pool] = [this.monitors.get(hostId), this.candidates.get(hostId)?.pool]
    if (monitor === undefined || pool === undefined) return
    pool.counters.fault(seen)
    // A server that fails inside is up: nothing follows from it.
    if (seen === 'server-error') return
    const evidence = { probe: monitor.sequence, generation }
    const atMs = this.options.clock.nowMs()
    const host = this.store.current.hosts.get(hostId)
    const loss = { fault: seen, cause, generation, createdAtMs, atMs }
    const fault = host === undefined ? seen : this.#losses.classify(host, loss)
    const isOnDetour = createdAtMs === undefined && fault !== 'capacity' && this.options.probe !== undefined
    this.store.apply({ kind: 'failed', hostId, atMs, evidence, fault, cause, isOnDetour })
    monitor.requestProbe(fault === 'role-doubted' ? 'role' : 'fault')
  }

  roleHint(hostId: HostId): void {
    this.monitors.get(hostId)?.requestProbe('fault')
  }

  roleTold(hostId: HostId, isStandby: boolean): void {
    const host = this.store.current.hosts.get(hostId)
    if (host === undefined || !isAnswering(host) || host.answer.inRecovery === isStandby) return
    // One that leads to servers of both roles in turn is known for it.
    if (host.endpoint.mixedAtMs === undefined) this.monitors.get(hostId)?.requestProbe('told')
  }

  connected(host: HostId, connection: TConnection, tookMs: number): number {
    this.emitter.emit('connect', { host, connection, tookMs })
    return this.monitors.get(host)?.sequence ?? 0
  }

  released(host: HostId, connection: TConnection, usedMs: number): void {
    if (this.#releaseListeners.size > 0) this.emitter.emit('release', { host, connection, usedMs })
  }

  #changed(topology: Topology, changes: readonly TopologyChange[]): void {
    const apply = (): void => this.#apply(topology, changes)
    if (changes.length === 0 || !isHeard(topologyChannel)) apply()
    else
      topologyChannel.traceSync(apply, { manager: this.#manager, atMs: this.options.clock.nowMs(), topology, changes })
  }

  #apply(topology: Topology, changes: readonly TopologyChange[]): void {
    this.#router.update(topology)
    this.counters.count(changes)
    for (const change of changes) applyChange(change, topology, this)
    this.waiters.retryAll()
    this.warmer.changed(topology, changes)
    for (const change of changes) emitChange(change, topology, this.emitter)
    if (changes.length > 0) this.emitter.emit('topologyChange', { topology })
    const nowMs = this.options.clock.nowMs()
    for (const change of changes) this.#log?.changed(change, topology, nowMs)
    this.syncWaits.changed(topology)
    for (const stuck of this.stuck.changed(topology)) {
      this.#log?.stuck(stuck, nowMs)
      this.emitter.emit('leasesStuck', stuck)
    }
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
    const probes = new ProbeAccount(this.#manager, spec.hostId)
    return new HostCandidate(spec, pool, probes, preferenceFor(this.options, spec.hostId), this.options.clock)
  }
}
