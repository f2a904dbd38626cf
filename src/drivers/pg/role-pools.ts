import type pg from 'pg'
import type { Driver } from '../../driver/driver.ts'
import type { DsnInput } from '../../dsn/parse.ts'
import { rolePool } from '../../facade/role-pool.ts'
import type { RoleModule } from '../../facade/role-pool.ts'
import { BasePoolManager } from '../../manager/base-pool-manager.ts'
import type { ManagerOptions } from '../../manager/options.ts'

/** A `pg` client that is leased: `release()` gives it back, and so does `await using`. */
export type PgConnection = pg.PoolClient & AsyncDisposable

/** A pool manager whose pool of each host is a `pg.Pool`, so that each role can have one too. */
export abstract class RolePoolsManager extends BasePoolManager<PgConnection, pg.Pool> {
  readonly #module: RoleModule
  readonly #poolOptions: pg.PoolConfig | undefined
  #masterPool: pg.Pool | undefined
  #replicaPool: pg.Pool | undefined

  constructor(
    driver: Driver<PgConnection, pg.Pool>,
    dsn: DsnInput,
    options: ManagerOptions,
    module: RoleModule,
    poolOptions: pg.PoolConfig | undefined,
  ) {
    super(driver, dsn, options)
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
