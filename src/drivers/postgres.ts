import type postgres from 'postgres'
import type { DsnInput } from '../dsn/parse.ts'
import { BasePoolManager } from '../manager/base-pool-manager.ts'
import { objectOf } from '../manager/check-option.ts'
import type { ManagerOptions } from '../manager/options.ts'
import { createPostgresDriver } from './postgres/driver.ts'
import type { PostgresConnection } from './postgres/leased-sql.ts'
import type { PostgresPoolOptions } from './postgres/options.ts'

export * from '../index.ts'
export { createPostgresDriver } from './postgres/driver.ts'
export type { PostgresConnection } from './postgres/leased-sql.ts'
export type { PostgresPoolOptions } from './postgres/options.ts'

/** The options of a pool manager on postgres.js. */
export interface PostgresManagerOptions extends ManagerOptions {
  /** postgres.js' own options for the connections to each host, for example `max` (default 10 for each host). */
  readonly poolOptions?: PostgresPoolOptions
}

/**
 * High-availability connections on `postgres` (postgres.js).
 *
 * ```ts
 * import { PoolManager } from 'hasql/postgres'
 *
 * const db = new PoolManager('postgresql://app:secret@db1,db2,db3:6432/app', { fallbackMaster: true })
 * await using sql = await db.acquireMaster()       // an sql of one connection
 * await sql`insert into t values (${1})`
 * ```
 * See `BasePoolManager` for everything it can do.
 */
export class PoolManager extends BasePoolManager<PostgresConnection, postgres.Sql> {
  constructor(dsn: DsnInput, options: PostgresManagerOptions = {}) {
    const { poolOptions, ...managerOptions } = objectOf('PoolManager', options)
    super(createPostgresDriver(poolOptions), dsn, managerOptions)
  }
}
