import type pgPromise from 'pg-promise'
import type { PgModule } from '../drivers/pg.ts'
import { OptionsError } from '../errors.ts'
import { objectOf, oneOfKeys } from '../manager/check-option.ts'
import { BorrowedPool } from './pg/borrowed-pool.ts'
import type { RolePool } from './pg/borrowed-pool.ts'
import { detailsOf } from './pg-promise/connection.ts'
import type { HostPool } from './pg-promise/connection.ts'

export type { RolePool } from './pg/borrowed-pool.ts'
export type { HostPool } from './pg-promise/connection.ts'

/** What is used of a pool manager. */
export interface LeasingManager {
  readonly masterPool: RolePool
  readonly replicaPool: RolePool
  readonly pools: readonly HostPool[]
  getMasterPools(): readonly HostPool[]
  getReplicaPools(): readonly HostPool[]
}

/** How `pgPromiseDatabases` makes databases. */
export interface PgPromiseOptions {
  /** pg-promise's database context, which its events and `extend` are given. Default: none. */
  readonly dc?: unknown
}

type Database<Ext, C extends Client> = pgPromise.IDatabase<Ext, C> & Ext

/** What pg-promise calls a client. */
type Client = pgPromise.IMain extends pgPromise.IMain<infer _Ext, infer C> ? C : never

/** A database of pg-promise for each role. */
export interface RoleDatabases<Ext, C extends Client> {
  /** Its connections are leases of the current master. */
  readonly master: Database<Ext, C>
  /** Each of its queries, tasks and transactions has a lease of a healthy replica. */
  readonly replica: Database<Ext, C>
}

/**
 * The copy of `pg` that an initialized pg-promise brings: for the pool manager, whose connections must be made of it.
 *
 * ```ts
 * const db = new PoolManager(dsn, { pg: pgOf(pgp) })
 * ```
 * @throws {OptionsError} `pgp` is no initialized pg-promise.
 */
export function pgOf(pgp: unknown): PgModule {
  const pg: unknown = typeof pgp === 'function' && 'end' in pgp ? Reflect.get(pgp, 'pg') : undefined
  if (isPgModule(pg)) return pg
  throw new OptionsError('pgp', 'hasql/pg-promise takes an initialized pg-promise: const pgp = pgPromise()')
}

/**
 * Two databases of pg-promise, one on the current master and one on the healthy replicas of a pool manager.
 *
 * ```ts
 * const pgp = pgPromise()
 * const db = new PoolManager(dsn, { pg: pgOf(pgp), fallbackMaster: true })
 * const { master, replica } = pgPromiseDatabases(pgp, db)
 * await master.none('insert into orders (item) values ($1)', ['tea'])
 * const orders = await replica.any('select * from orders')
 * ```
 * The manager must be made with pg-promise's own copy of `pg` (`pgOf`), so that type parsers set on `pgp.pg.types` are those of its
 * connections. `pgp.end()` and `$pool.end()` end the databases and leave the manager open.
 * @throws {OptionsError} `pgp` is no initialized pg-promise, the manager has another copy of `pg`, an option is unknown, or
 *   pg-promise has its option `schema`, which it sets without waiting: give the search path in the DSN.
 */
export function pgPromiseDatabases<Ext, C extends Client>(
  pgp: pgPromise.IMain<Ext, C>,
  db: LeasingManager,
  options: PgPromiseOptions = {},
): RoleDatabases<Ext, C> {
  check(pgp, db)
  oneOfKeys('pgPromiseDatabases', options, ['dc'])
  const { dc } = options
  return {
    master: open(
      pgp,
      'master',
      () => db.masterPool,
      () => db.getMasterPools(),
      dc,
    ),
    replica: open(
      pgp,
      'replica',
      () => db.replicaPool,
      () => db.getReplicaPools(),
      dc,
    ),
  }
}

/** pg-promise makes a pool from its `pg` while a database is being made, and at no other time. */
function open<Ext, C extends Client>(
  pgp: pgPromise.IMain<Ext, C>,
  role: 'master' | 'replica',
  pool: () => RolePool,
  hosts: () => readonly HostPool[],
  dc: unknown,
): Database<Ext, C> {
  const { pg } = pgp
  const Pool = class HasqlPool extends BorrowedPool {
    constructor() {
      super(pool)
    }
  }
  Reflect.set(pgp, 'pg', { ...pg, Pool })
  try {
    const database = pgp<Ext, C>(detailsOf(role, hosts), dc)
    refuseSchema(database)
    return database
  } finally {
    Reflect.set(pgp, 'pg', pg)
  }
}

function refuseSchema({ $config, $pool }: { readonly $config: object; readonly $pool: { end(): unknown } }): void {
  const options: unknown = Reflect.get($config, 'options')
  if (typeof options !== 'object' || options === null || !('schema' in options) || options.schema === undefined) return
  void $pool.end()
  throw new OptionsError(
    'schema',
    "pg-promise sets its option 'schema' without waiting for it, which ends the process if the host is lost just then: " +
      "leave it out, and give the DSN of the pool manager 'options=-csearch_path=app'",
  )
}

function check(pgp: unknown, db: LeasingManager): void {
  const { Pool } = pgOf(pgp)
  if (typeof objectOf('pgPromiseDatabases', db).getMasterPools !== 'function') {
    throw new OptionsError('db', "pgPromiseDatabases takes the pool manager second: new PoolManager(dsn) of 'hasql/pg'")
  }
  if (db.pools.every((pool) => pool instanceof Pool)) return
  throw new OptionsError(
    'pg',
    'pg-promise brings its own copy of pg: make the pool manager with it, new PoolManager(dsn, { pg: pgOf(pgp) })',
  )
}

function isPgModule(given: unknown): given is PgModule {
  return typeof given === 'object' && given !== null && 'Pool' in given && 'Client' in given
}
