import type { Driver } from '../driver/driver.ts'
import type { DsnInput } from '../dsn/parse.ts'
import type { HostId } from '../dsn/host-spec.ts'
import { parseDsn } from '../dsn/parse.ts'
import { ManagerClosedError, UnknownConnectionError } from '../errors.ts'
import type { ManagerMetrics } from '../metrics/manager-metrics.ts'
import { acceptMaster } from './accept-master.ts'
import { AcquirePlanner } from './acquire-options.ts'
import type { AcquireOptions, AcquirePlan, ReplicaOptions, WaitOptions } from './acquire-options.ts'
import { objectOf } from './check-option.ts'
import { collectMetrics } from './collect-metrics.ts'
import { ManagerLifecycle } from './lifecycle.ts'
import type { HostCandidate } from './host-candidate.ts'
import type { ManagerOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { resolveRetry } from './retry-options.ts'
import type { Retry } from './retry-options.ts'
import { RetriedRun } from './retry.ts'
import { runOnLease } from './run-on-lease.ts'
import { takeToken } from './take-token.ts'

/** What `with…` take beside the options of their acquire. */
export interface RunOptions {
  /**
   * Whether the function is run again, on another lease, when the error says that it certainly had no effect: false
   * (default), true, or `RetryOptions`. One deadline, `timeoutMs`, covers all waiting; runs under way are not cut off.
   */
  readonly retry?: Retry
}

/**
 * Watches the hosts of a DSN and leases connections to the current master or to a healthy replica, through a driver.
 *
 * ```ts
 * const db = new PoolManager('postgresql://app:secret@db1,db2,db3:6432/app')   // from 'hasql/pg'
 * const rows = await db.withReplica((connection) => connection.query('select 1'))
 * await db.close()
 * ```
 * Making one causes no network traffic: watching starts with the first `ready`, `acquire` or `start`.
 */
export class BasePoolManager<TConnection, TPool> extends ManagerLifecycle<TConnection, TPool> {
  readonly #planner: AcquirePlanner

  /**
   * @param dsn - a connection string, a `Dsn`, or a list of them whose hosts are put together.
   * @throws {DsnError} the DSN cannot be read. @throws {OptionsError} an option is unknown or out of range.
   */
  constructor(driver: Driver<TConnection, TPool>, dsn: DsnInput, options: ManagerOptions = {}) {
    const parsed = parseDsn(dsn)
    const resolved = resolveOptions(options, parsed.hosts[0])
    super(driver, parsed, resolved)
    this.#planner = new AcquirePlanner(resolved, parsed.targetSessionAttrs)
  }

  /**
   * Leases a connection; give it back with `release`, or take it with `await using`.
   *
   * ```ts
   * await using connection = await db.acquire({ readOnly: true, fallbackMaster: true, timeoutMs: 2_000 })
   * ```
   * Waiting for a suitable host, for a connection of its pool, and going on to another host when one refuses, share one
   * deadline: `timeoutMs`, by default the manager's `acquireTimeoutMs`.
   * @throws {AcquireTimeoutError} nothing suitable in time; says for each host why.
   * @throws {AccessRefusedError} every host refuses us: password, database, TLS.
   * @throws {TokenUnreachableError} the write of `after` may have been lost, or is another cluster's.
   * @throws {AcquireAbortedError} `signal` ended the wait. @throws {ManagerClosedError} the manager is closed.
   * @throws {OptionsError} an option is unknown, out of range, or makes no sense without `readOnly`.
   */
  acquire(options?: AcquireOptions): Promise<TConnection> {
    return options === undefined ? this.#lease(this.#planner.bare) : this.#planned(() => this.#planner.plan(options))
  }

  /** `acquire` for writes: the current master. */
  acquireMaster(options?: WaitOptions): Promise<TConnection> {
    if (options === undefined) return this.#lease(this.#planner.master)
    return this.#planned(() => this.#planner.planMaster(options))
  }

  /** `acquire` for reads: a healthy replica, chosen by the balancer policy. */
  acquireReplica(options?: ReplicaOptions): Promise<TConnection> {
    if (options === undefined) return this.#lease(this.#planner.replica)
    return this.#planned(() => this.#planner.planReplica(options))
  }

  /**
   * Runs `fn` with a connection to the master and gives it back when `fn` is done.
   *
   * ```ts
   * await db.withMaster((connection) => connection.query('insert into t values ($1)', [1]), { retry: true })
   * ```
   * A rejection of `fn` that means a dead or wrong host destroys the connection instead. Rejects as `acquire` and `fn` do.
   * With `retry`, `fn` is run again as long as the error says that nothing it did took effect; see `RetryOptions`.
   * @throws {HostLostError} with `retry`: the host was lost, and nobody knows what became of what `fn` did.
   */
  withMaster<T>(fn: (connection: TConnection) => Promise<T> | T, options?: WaitOptions & RunOptions): Promise<T> {
    const { master } = this.#planner
    return this.#with(fn, options, (given) => (given === undefined ? master : this.#planner.planMaster(given)))
  }

  /**
   * Runs `fn` with a connection to a replica and gives it back when `fn` is done; see `withMaster`. With `retry`, `fn` is
   * run again after any trouble with its host or connection, on another host where there is one: a read changes nothing.
   */
  withReplica<T>(fn: (connection: TConnection) => Promise<T> | T, options?: ReplicaOptions & RunOptions): Promise<T> {
    const { replica } = this.#planner
    return this.#with(fn, options, (given) => (given === undefined ? replica : this.#planner.planReplica(given)))
  }

  /** Runs `fn` with a connection of the kind asked for and gives it back when `fn` is done; see `withMaster`. */
  withConnection<T>(options: AcquireOptions & RunOptions, fn: (connection: TConnection) => Promise<T> | T): Promise<T> {
    return this.#with(fn, options, (given = {}) => this.#planner.plan(given))
  }

  /**
   * Gives a connection back; the driver's own way of doing so is the same thing. `destroy` closes it instead of keeping it.
   * @throws {UnknownConnectionError} it is not this manager's, or was given back before.
   */
  release(connection: TConnection, { destroy = false }: { readonly destroy?: boolean } = {}): void {
    const [pool, driverConnection] = this.engine.origins.of(connection)
    const lease = pool.leaseOf(driverConnection)
    if (lease !== undefined) lease.release(destroy)
    else if (!driverConnection.isClosed()) throw new UnknownConnectionError('released')
  }

  /**
   * Where the master is now, as a short string: what a later read passes as `after` to see everything that was committed
   * before, on whichever host it is made. Take it after the commit, on the connection that made the write, or any other
   * of the master's; one round trip. It is no secret, and fits into a URL or a cookie.
   *
   * ```ts
   * const token = await db.withMaster(async (connection) => {
   *   await connection.query('insert into t values ($1)', [1])
   *   return db.writeToken(connection)
   * })
   * await db.withReplica((connection) => connection.query('select * from t'), { after: token })
   * ```
   * @throws {TokenUnavailableError} the connection is a replica's, its transaction is open, or the role may not see it.
   * @throws {UnknownConnectionError} the connection is not this manager's.
   */
  async writeToken(connection: TConnection): Promise<string> {
    return takeToken(this.engine.origins.of(connection)[1], this.engine.driver.name)
  }

  /**
   * An operator's way out of a fence: from now on this host is the master, whoever was seen writable on a higher timeline. The claims of
   * other hosts on its timeline or above are dismissed: such a host gets no lease while it takes writes on that timeline or below,
   * until it has been seen in recovery; on a higher timeline it makes a new claim. It decides a split brain, too.
   *
   * ```ts
   * process.on('SIGUSR2', () => db.acceptMaster('db1:5432'))
   * ```
   * It holds for this manager alone: call it in every process (docs/failure-model.md). Takes effect at once; emits `masterAccepted`. A host that is
   * the master already, with nobody to dismiss, stays it, and nothing is emitted. With `multiMaster` nothing is fenced, and nothing changes.
   * @throws {OptionsError} the DSN has no such host. @throws {NotWritableError} the host does not answer as writable.
   * @throws {ManagerClosedError} the manager is closed.
   */
  acceptMaster(host: string): void {
    if (this.closing) throw new ManagerClosedError('accept a master')
    acceptMaster(this.engine, host)
  }

  /** Counters and sizes, per host and of the manager: a copy, never live. */
  metrics(): ManagerMetrics {
    return collectMetrics(this.engine)
  }

  async #planned(plan: () => AcquirePlan): Promise<TConnection> {
    return this.#lease(plan())
  }

  /** @internal `acquireMaster` or `acquireReplica` for who wants no promise: calls back once, perhaps in the same turn. */
  protected lease(
    role: 'master' | 'replica',
    granted: (connection: TConnection) => void,
    failed: (error: Error) => void,
  ): void {
    this.#take(this.#planner[role], undefined, granted, failed)
  }

  /** @internal The host that `lease` would ask now, if there is one; none when the manager is closing. */
  protected choose(role: 'master' | 'replica'): HostCandidate<TConnection, TPool> | undefined {
    return this.closing ? undefined : this.engine.choose(this.#planner[role].target)
  }

  #lease(plan: AcquirePlan, shunned?: ReadonlySet<HostId>): Promise<TConnection> {
    return new Promise((resolve, reject) => this.#take(plan, shunned, resolve, reject))
  }

  #take(
    plan: AcquirePlan,
    shunned: ReadonlySet<HostId> | undefined,
    granted: (connection: TConnection) => void,
    failed: (error: Error) => void,
  ): void {
    if (this.closing) return failed(new ManagerClosedError('acquire a connection'))
    this.start()
    this.engine.acquire(plan, shunned, granted, failed)
  }

  async #with<T>(
    fn: (connection: TConnection) => Promise<T> | T,
    options: (AcquireOptions & RunOptions) | undefined,
    planFor: (given: AcquireOptions | undefined) => AcquirePlan,
  ): Promise<T> {
    if (options === undefined) return runOnLease(this.engine, await this.#lease(planFor(undefined)), fn)
    const { retry, ...given } = objectOf('acquire', options)
    const [plan, rules] = [planFor(given), resolveRetry(retry)]
    if (rules === undefined) return runOnLease(this.engine, await this.#lease(plan), fn)
    const lease = this.#lease.bind(this)
    return new RetriedRun({ engine: this.engine, closing: () => this.closing, lease }, plan, rules).run(fn)
  }
}
