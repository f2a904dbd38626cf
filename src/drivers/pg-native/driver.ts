import pg from 'pg'
import type { Driver } from '../../driver/driver.ts'
import { HasqlError } from '../../errors.ts'
import { pgDriver } from '../pg/driver.ts'
import { makeGuardedClass } from '../pg/guarded-client.ts'
import type { GuardedClient, PgModule } from '../pg/guarded-client.ts'
import { classifyLibpqError } from './classify.ts'
import { NativeConnection } from './connection.ts'
import { conninfoOf } from './conninfo.ts'
import type { PgNativePoolOptions } from './options.ts'
import { checkPoolOptions } from './options.ts'

/**
 * The driver for libpq. One for each manager.
 *
 * Leases are connections of libpq. The connections that watch the hosts are `pg`'s own: libpq's would each hold a thread of the
 * process while a host does not answer, and could say neither what a server refused them for nor that its role may have changed.
 */
export function createPgNativeDriver(given: PgNativePoolOptions = {}): Driver<GuardedClient, pg.Pool> {
  checkPoolOptions(given)
  const { Client, Pool } = nativeModule()
  const driver = pgDriver('pg-native', given, pg, (spec, { connectTimeoutMs, lookup }) => {
    const target = { conninfo: () => conninfoOf(spec, given, { connectTimeoutMs, lookup }), connectTimeoutMs }
    return { Pool, Client: makeGuardedClass(Client, (client, guard) => new NativeConnection(client, guard, target)) }
  })
  return { ...driver, classify: (error, phase) => classifyLibpqError(error, phase) ?? driver.classify(error, phase) }
}

/**
 * `pg`'s classes on libpq.
 * @throws {HasqlError} the package `pg-native` is not installed.
 */
export function nativeModule(): PgModule {
  const { native } = pg
  if (native !== null) return native
  const message = 'hasql/pg-native needs the package pg-native, which is compiled against libpq: npm install pg-native'
  throw new HasqlError('ERR_HASQL_DRIVER_MISSING', message)
}
