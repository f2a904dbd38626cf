import pg from 'pg'
import type { Driver, PoolOptions } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import { HasqlError } from '../../errors.ts'
import type { PgPoolOptions } from '../pg/config.ts'
import { pgDriver } from '../pg/driver.ts'
import type { PoolClasses } from '../pg/pool.ts'
import { makeGuardedClass } from '../pg/guarded-client.ts'
import type { GuardedClient, PgModule } from '../pg/guarded-client.ts'
import { classifyLibpqError } from './classify.ts'
import { NativeConnection } from './connection.ts'
import { conninfoOf, serverOptions } from './conninfo.ts'
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
  const probesAs = (spec: HostSpec): PgPoolOptions => ({
    ...given,
    // What libpq sends, in the form in which it does: a pooler may take one and refuse the other.
    options: serverOptions(spec, given),
    statement_timeout: undefined,
    lock_timeout: undefined,
    idle_in_transaction_session_timeout: undefined,
    fallback_application_name: undefined,
  })
  const classesFor = (spec: HostSpec, { connectTimeoutMs, lookup }: PoolOptions): PoolClasses => {
    const target = { conninfo: () => conninfoOf(spec, given, { connectTimeoutMs, lookup }), connectTimeoutMs }
    return { Pool, Client: makeGuardedClass(Client, (client, guard) => new NativeConnection(client, guard, target)) }
  }
  const driver = pgDriver('pg-native', given, pg, classesFor, probesAs)
  return { ...driver, classify: (error, phase) => classifyLibpqError(error, phase) ?? driver.classify(error, phase) }
}

/**
 * `pg`'s classes on libpq.
 * @throws {HasqlError} the package `pg-native` is not there or cannot be loaded, or takes the place of `pg` itself.
 */
export function nativeModule(): PgModule {
  const native = loadNative()
  if (native === null)
    throw missing('needs the package pg-native, which is compiled against libpq: npm install pg-native')
  if (native.Client === pg.Client) throw missing('watches hosts with pg itself: do not set NODE_PG_FORCE_NATIVE')
  return native
}

function loadNative(): PgModule | null {
  try {
    return pg.native
  } catch (cause) {
    throw missing('cannot load pg-native, which is compiled for one version of Node.js: npm rebuild libpq', cause)
  }
}

function missing(why: string, cause?: unknown): HasqlError {
  return new HasqlError('ERR_HASQL_DRIVER_MISSING', `hasql/pg-native ${why}`, cause === undefined ? {} : { cause })
}
