import type pg from 'pg'
import type { DsnInput } from '../dsn/parse.ts'
import { BasePoolManager } from '../manager/base-pool-manager.ts'
import { objectOf } from '../manager/check-option.ts'
import type { ManagerOptions } from '../manager/options.ts'
import type { PgPoolOptions } from './pg/config.ts'
import { createPgDriver } from './pg/driver.ts'

export * from '../index.ts'
export type { PgPoolOptions } from './pg/config.ts'
export { createPgDriver } from './pg/driver.ts'

/** A `pg` client that is leased: `release()` gives it back, and so does `await using`. */
export type PgConnection = pg.PoolClient & AsyncDisposable

/** The options of a pool manager on `pg`. */
export interface PgManagerOptions extends ManagerOptions {
  /** `pg.Pool`'s own options for the pool of each host, for example `max` (default 10 for each host). */
  readonly poolOptions?: PgPoolOptions
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
  constructor(dsn: DsnInput, options: PgManagerOptions = {}) {
    const { poolOptions, ...managerOptions } = objectOf('PoolManager', options)
    super(createPgDriver(poolOptions), dsn, managerOptions)
  }
}
