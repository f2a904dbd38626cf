import pg from 'pg'
import type { DsnInput } from '../dsn/parse.ts'
import { rolePool } from '../facade/role-pool.ts'
import { BasePoolManager } from '../manager/base-pool-manager.ts'
import { OptionsError } from '../errors.ts'
import { objectOf } from '../manager/check-option.ts'
import type { ManagerOptions } from '../manager/options.ts'
import type { PgPoolOptions } from './pg/config.ts'
import { createPgDriver } from './pg/driver.ts'
import type { PgModule } from './pg/guarded-client.ts'

export * from '../index.ts'
export type { PgPoolOptions } from './pg/config.ts'
export { createPgDriver } from './pg/driver.ts'
export type { PgModule } from './pg/guarded-client.ts'

/** A `pg` client that is leased: `release()` gives it back, and so does `await using`. */
export type PgConnection = pg.PoolClient & AsyncDisposable

/** The options of a pool manager on `pg`. */
export interface PgManagerOptions extends ManagerOptions {
  /** `pg.Pool`'s own options for the pool of each host, for example `max` (default 10 for each host). */
  readonly poolOptions?: PgPoolOptions
  /**
   * The `pg` module whose clients and pools are used: for libraries that bring their own copy of it and ask whether a pool is an
   * instance of that one's. Default: the copy that hasql finds.
   */
  readonly pg?: PgModule
}

/**
 * High-availability connections on `pg` (node-postgres).
 *
 * ```ts
 * import { PoolManager } from 'hasql/pg'
 *
 * const db = new PoolManager('postgresql://app:secret@db1,db2,db3:6432/app', { fallbackMaster: true })
 * await using connection = await db.acquireMaster()       // a pg.PoolClient
 * await connection.query('insert into t values ($1)', [1])
 * ```
 * See `BasePoolManager` for everything it can do.
 */
export class PoolManager extends BasePoolManager<PgConnection, pg.Pool> {
  readonly #module: PgModule
  readonly #poolOptions: PgPoolOptions | undefined
  #masterPool: pg.Pool | undefined
  #replicaPool: pg.Pool | undefined

  constructor(dsn: DsnInput, options: PgManagerOptions = {}) {
    const { poolOptions, pg: module = pg, ...managerOptions } = objectOf('PoolManager', options)
    if (!isPgModule(module)) throw new OptionsError('pg', 'pg must be the pg module: an object with Client and Pool')
    super(createPgDriver(poolOptions, module), dsn, managerOptions)
    this.#module = module
    this.#poolOptions = poolOptions
  }

  /**
   * The current master as a `pg.Pool`: for whatever takes one.
   *
   * ```ts
   * await db.masterPool.query('insert into t values ($1)', [1])
   * ```
   * Its connections are leases of this manager, taken with `acquireMaster`; its counters are sums over the hosts that take writes
   * now. `end` ends this pool alone: the manager, and with it every connection, is closed with `close`.
   */
  get masterPool(): pg.Pool {
    this.#masterPool ??= this.#rolePool('master', () => this.getMasterPools())
    return this.#masterPool
  }

  /**
   * The healthy replicas as a `pg.Pool`; see `masterPool`. Each connection is taken with `acquireReplica`, so each may be of
   * another host, and reads go to the master when the manager's `fallbackMaster` or `masterAsReplicaWeight` says so.
   */
  get replicaPool(): pg.Pool {
    const { fallbackMaster } = this.engine.options
    this.#replicaPool ??= this.#rolePool('replica', () => this.getReplicaPools({ fallbackMaster }))
    return this.#replicaPool
  }

  #rolePool(role: 'master' | 'replica', pools: () => readonly pg.Pool[]): pg.Pool {
    const [{ host, port, user, database }] = this.dsn.hosts
    return rolePool(this.#module, {
      config: { ...this.#poolOptions, host, port, user, database },
      lease: (granted, failed) => this.lease(role, granted, failed),
      isLeased: (client) => this.engine.origins.isLeased(client),
      poolOf: (client) => this.engine.origins.poolOf(client)?.driverPool.native,
      pools,
      allPools: () => this.pools,
      onReleased: (listener) => void this.on('release', ({ connection }) => listener(connection)),
    })
  }
}

function isPgModule(given: Partial<PgModule>): boolean {
  return typeof given.Client === 'function' && typeof given.Pool === 'function'
}
