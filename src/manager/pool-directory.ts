import type { Driver } from '../driver/driver.ts'
import type { Dsn } from '../dsn/dsn.ts'
import type { HostId } from '../dsn/host-spec.ts'
import { OptionsError } from '../errors.ts'
import { replicas as replicasOf, masters as mastersOf } from '../topology/topology.ts'
import type { Topology } from '../topology/topology.ts'
import { Engine } from './engine.ts'
import type { ManagerEvents } from './events.ts'
import type { HostCandidate } from './host-candidate.ts'
import type { ResolvedOptions } from './options.ts'

/**
 * What a manager knows now: the pools, the roles of their hosts, the topology, the events. Nothing here waits.
 *
 * Use it through `PoolManager`.
 */
export class PoolDirectory<TConnection, TPool> implements Iterable<TPool> {
  /** The hosts and settings the manager was made with; printed without the password. */
  readonly dsn: Dsn
  /** @internal */
  protected readonly engine: Engine<TConnection, TPool>

  /** @internal */
  constructor(driver: Driver<TConnection, TPool>, dsn: Dsn, options: ResolvedOptions) {
    const known = new Set<string>(dsn.hosts.map(({ hostId }) => hostId))
    for (const hostId of options.hosts.keys()) {
      if (!known.has(hostId)) {
        throw new OptionsError('hosts', `hosts names '${hostId}', but the DSN has ${[...known].join(', ')}`)
      }
    }
    this.dsn = dsn
    this.engine = new Engine(driver, dsn, options, this)
  }

  static {
    // What `console.log` shows. Declared types of computed names cannot be isolated, hence not a method.
    Object.defineProperty(PoolDirectory.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: PoolDirectory<unknown, unknown>): string {
        return this.toString()
      },
    })
  }

  /** The hosts and what they are: `PoolManager(db1:5432 master, db2:5432 replica)`. */
  toString(): string {
    const states = [...this.topology.hosts.values()].map(({ hostId, kind }) => `${hostId} ${kind}`)
    return `PoolManager(${states.join(', ')})`
  }

  /** The DSN without its password, the states of the hosts. */
  toJSON(): unknown {
    const hosts = [...this.topology.hosts.values()].map(({ hostId, kind }) => ({ host: hostId, state: kind }))
    return { dsn: this.dsn.toString(), hosts }
  }

  /** The current snapshot: immutable, replaced as a whole with every change. */
  get topology(): Topology {
    return this.engine.store.current
  }

  /** The driver's pools of all hosts, in the order of the DSN. */
  get pools(): readonly TPool[] {
    return this.#candidates().map(({ pool }) => pool.driverPool.native)
  }

  [Symbol.iterator](): Iterator<TPool> {
    return this.pools[Symbol.iterator]()
  }

  /** The pools of the hosts that take writes now; empty while no master is known. */
  getMasterPools(): readonly TPool[] {
    return this.#poolsOf(mastersOf(this.topology))
  }

  /** The pools of the hosts that take reads now; with `fallbackMaster` the master's when there is no other. */
  getReplicaPools({ fallbackMaster = false }: { readonly fallbackMaster?: boolean } = {}): readonly TPool[] {
    const found = this.#poolsOf(replicasOf(this.topology))
    return found.length === 0 && fallbackMaster ? this.getMasterPools() : found
  }

  /** How many hosts take writes now. */
  get masterPoolCount(): number {
    return mastersOf(this.topology).length
  }

  /** How many hosts take reads now, the master not counted. */
  get replicaPoolCount(): number {
    return replicasOf(this.topology).length
  }

  /** How many hosts are in use now, as master or as replica. */
  get availablePoolCount(): number {
    return this.masterPoolCount + this.replicaPoolCount
  }

  poolIsMaster(pool: TPool): boolean {
    return this.getMasterPools().includes(pool)
  }

  poolIsReplica(pool: TPool): boolean {
    return this.getReplicaPools().includes(pool)
  }

  /**
   * The `host:port` of a pool.
   * @throws {OptionsError} the pool is not one of this manager's.
   */
  host(pool: TPool): HostId {
    return this.#candidateOf(pool).hostId
  }

  /** How many more connections the pool could lease now, by hasql's own count; negative when callers wait. */
  getPoolFreeSize(pool: TPool): number {
    return this.#candidateOf(pool).free
  }

  /** Round trip of the host's last answered check in milliseconds; undefined before the first. */
  getLastResponseTimeMs(pool: TPool): number | undefined {
    const host = this.topology.hosts.get(this.host(pool))
    return host !== undefined && 'roundTripMs' in host ? host.roundTripMs : undefined
  }

  /** Whether a connection can run nothing any more. @throws {UnknownConnectionError} it is not one of this manager's. */
  isConnectionClosed(connection: TConnection): boolean {
    return this.engine.origins.of(connection)[1].isClosed()
  }

  /**
   * Listens to an event; returns what stops listening.
   *
   * ```ts
   * const off = db.on('masterChange', ({ before, after }) => console.log(`${before} -> ${after}`))
   * ```
   */
  on<E extends keyof ManagerEvents<TConnection>>(
    event: E,
    listener: (record: ManagerEvents<TConnection>[E]) => void,
  ): () => void {
    return this.engine.emitter.on(event, listener)
  }

  #candidates(): readonly HostCandidate<TConnection, TPool>[] {
    return [...this.engine.candidates.values()]
  }

  #candidateOf(pool: TPool): HostCandidate<TConnection, TPool> {
    const candidate = this.#candidates().find(({ pool: { driverPool } }) => driverPool.native === pool)
    if (candidate !== undefined) return candidate
    throw new OptionsError('pool', 'The pool is not one of this pool manager: take it from pools')
  }

  #poolsOf(hosts: readonly { readonly hostId: HostId }[]): readonly TPool[] {
    const wanted = new Set(hosts.map(({ hostId }) => hostId))
    return this.#candidates()
      .filter(({ hostId }) => wanted.has(hostId))
      .map(({ pool }) => pool.driverPool.native)
  }
}
