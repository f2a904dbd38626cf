import pg from 'pg'
import type { DsnInput } from '../dsn/parse.ts'
import { OptionsError } from '../errors.ts'
import { managerOptions } from '../manager/options.ts'
import type { ManagerOptions } from '../manager/options.ts'
import type { PgPoolOptions } from './pg/config.ts'
import { createPgDriver } from './pg/driver.ts'
import type { PgModule } from './pg/guarded-client.ts'
import { RolePoolsManager } from './pg/role-pools.ts'

export * from '../index.ts'
export type { PgPoolOptions } from './pg/config.ts'
export { createPgDriver } from './pg/driver.ts'
export type { PgModule } from './pg/guarded-client.ts'
export type { PgConnection } from './pg/role-pools.ts'

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
export class PoolManager extends RolePoolsManager {
  constructor(dsn: DsnInput, options: PgManagerOptions = {}) {
    const { poolOptions, pg: module = pg, ...given } = managerOptions(options, ['poolOptions', 'pg'])
    if (!isPgModule(module)) throw new OptionsError('pg', 'pg must be the pg module: an object with Client and Pool')
    super(createPgDriver(poolOptions, module), dsn, given, module, poolOptions)
  }
}

function isPgModule(given: Partial<PgModule>): boolean {
  return typeof given.Client === 'function' && typeof given.Pool === 'function'
}
