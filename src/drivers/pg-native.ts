import pg from 'pg'
import type { DsnInput } from '../dsn/parse.ts'
import { OptionsError } from '../errors.ts'
import { managerOptions } from '../manager/options.ts'
import type { ManagerOptions } from '../manager/options.ts'
import { createPgNativeDriver, nativeModule } from './pg-native/driver.ts'
import type { PgNativePoolOptions } from './pg-native/options.ts'
import { RolePoolsManager } from './pg/role-pools.ts'

export * from '../index.ts'
export { createPgNativeDriver } from './pg-native/driver.ts'
export type { PgNativePoolOptions } from './pg-native/options.ts'
export type { PgConnection } from './pg/role-pools.ts'

/** The options of a pool manager on libpq. */
export interface PgNativeManagerOptions extends Omit<ManagerOptions, 'allowExitOnIdle'> {
  /** `pg.Pool`'s own options for the pool of each host, for example `max` (default 10 for each host). */
  readonly poolOptions?: PgNativePoolOptions
}

/**
 * High-availability connections on libpq, through `pg-native` and `pg`.
 *
 * ```ts
 * import { PoolManager } from 'hasql/pg-native'
 *
 * const db = new PoolManager('postgresql://app:secret@db1,db2,db3:6432/app', { fallbackMaster: true })
 * await using connection = await db.acquireMaster()       // a client of pg.native
 * await connection.query('insert into t values ($1)', [1])
 * ```
 * See `BasePoolManager` for everything it can do, and docs/integrations/pg-native.md for what libpq cannot.
 * @throws {HasqlError} `ERR_HASQL_DRIVER_MISSING`: the package `pg-native` is not installed.
 */
export class PoolManager extends RolePoolsManager {
  constructor(dsn: DsnInput, options: PgNativeManagerOptions = {}) {
    const { poolOptions, ...given } = managerOptions(options, ['poolOptions'])
    const { allowExitOnIdle }: ManagerOptions = given
    if (allowExitOnIdle === true) {
      const why = 'the sockets of libpq always keep the process alive: close the manager, or use hasql/pg'
      throw new OptionsError('allowExitOnIdle', `allowExitOnIdle: ${why}`)
    }
    // Libraries make clients of `pool.Client` to call statements off: these are `pg`'s own, for libpq would block the process.
    const module = { Pool: nativeModule().Pool, Client: pg.Client }
    super(createPgNativeDriver(poolOptions), dsn, given, module, poolOptions)
  }
}
