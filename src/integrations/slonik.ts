import { createPool } from 'slonik'
import type { ClientConfigurationInput, DatabasePool, Interceptor } from 'slonik'
import type { PoolManager } from '../drivers/pg.ts'
import { OptionsError } from '../errors.ts'
import { objectOf, oneOfKeys } from '../manager/check-option.ts'
import { READ_KEYS, leasesOf } from './kysely/leases.ts'
import type { ReadOptions, Role } from './kysely/leases.ts'
import { leasingDriver } from './slonik/driver.ts'
import type { CursorClass } from './slonik/leased-client.ts'
import { readsOnly } from './sql/reads-only.ts'

export type { ReadOptions } from './kysely/leases.ts'
export type { CursorClass, Field, FieldCursor, RowsRead } from './slonik/leased-client.ts'

/** What of Slonik's client configuration is not the pool manager's. */
export type SlonikConfiguration = Pick<
  ClientConfigurationInput,
  | 'captureStackTrace'
  | 'dangerouslyAllowForeignConnections'
  | 'gracefulTerminationTimeout'
  | 'interceptors'
  | 'poolName'
  | 'queryRetryLimit'
  | 'resetConnection'
  | 'tracing'
  | 'transactionRetryLimit'
  | 'typeParsers'
>

/** What `createHasqlPool` takes beside the manager; how replicas are chosen is by default the manager's own way. */
export interface HasqlPoolOptions extends SlonikConfiguration, ReadOptions {
  /** `pg-cursor`, for `stream()`. Default: none, and streams are refused. */
  readonly cursor?: CursorClass
  /**
   * Called by Slonik before it gives a connection back, to have nothing of its session left. Default: nothing is done, as the
   * connections are those of everybody who uses the manager; Slonik's own default, `DISCARD ALL`, is a round trip for each query.
   */
  readonly resetConnection?: NonNullable<ClientConfigurationInput['resetConnection']>
}

/** A pool of Slonik's whose reads go to replicas, with a pool for each role beside it. */
export type HasqlPool = DatabasePool & {
  /** Everything goes to the master: reads that must see what was just written, functions that write. */
  readonly master: DatabasePool
  /** Everything goes to a replica, whatever it looks like; all of a transaction to the same. */
  readonly replica: DatabasePool
}

/**
 * A Slonik pool on a pool manager: reads outside transactions go to a healthy replica, everything else to the current master.
 *
 * ```ts
 * const pool = await createHasqlPool(db, { cursor: Cursor })
 * const orders = await pool.any(sql.type(order)`select * from orders`)                  // a replica
 * await pool.query(sql.unsafe`insert into orders (item) values (${'tea'})`)              // the master
 * const fresh = await pool.master.any(sql.type(order)`select * from orders`)             // the master
 * ```
 * `with … insert`, `select … for update` and whatever is not certainly a read go to the master, and so do `transaction` and
 * `connect`. Nothing is connected to before the first query. `pool.end()` ends all three pools and leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, an option is unknown, or is a setting of the manager's.
 */
export async function createHasqlPool(db: PoolManager, options: HasqlPoolOptions = {}): Promise<HasqlPool> {
  check(options)
  const { cursor, poolName = 'hasql', interceptors = [], resetConnection } = options
  const source = leasesOf(db, only<ReadOptions>(options, READ_KEYS))
  const open = (role: Role, name: string, own: readonly Interceptor[]): Promise<DatabasePool> =>
    createPool(`postgresql://hasql-${role}`, {
      ...only<SlonikConfiguration>(options, SLONIK_KEYS),
      driverFactory: leasingDriver({ source, role, cursor, isReset: resetConnection !== undefined }),
      interceptors: [...own, ...interceptors],
      // The manager has the connections and the queue for them, and a deadline for whoever waits.
      maxPoolSize: Infinity,
      poolName: name,
      resetConnection: resetConnection ?? nothing,
    })
  const replica = await open('replica', `${poolName}-replica`, [])
  const master = await open('master', `${poolName}-master`, [])
  const split = await open('master', poolName, [readsTo(replica)])
  return together(split, { master, replica })
}

/** The first of the interceptors, so that those of the caller are asked once: by the pool that a query ends up in. */
function readsTo(replica: DatabasePool): Interceptor {
  return {
    name: 'hasql',
    beforePoolConnection: ({ query }) => (query !== null && readsOnly(query.sql) ? replica : null),
  }
}

/** Whoever has the one pool hears of all errors, and ends all three. */
function together(split: DatabasePool, roles: Pick<HasqlPool, 'master' | 'replica'>): HasqlPool {
  const pools = [split, roles.master, roles.replica]
  const ends = pools.map(({ end }) => end)
  for (const pool of [roles.master, roles.replica]) pool.on('error', (error) => void split.emit('error', error))
  return Object.assign(split, roles, {
    end: async () => {
      await Promise.all(ends.map((end) => end()))
    },
  })
}

const SLONIK_KEYS: readonly string[] = [
  'captureStackTrace',
  'dangerouslyAllowForeignConnections',
  'gracefulTerminationTimeout',
  'interceptors',
  'poolName',
  'queryRetryLimit',
  'resetConnection',
  'tracing',
  'transactionRetryLimit',
  'typeParsers',
]

/** Slonik's settings of connections and pools, and what to set instead. */
const NOT_HERE: ReadonlyMap<string, string> = new Map([
  ['connectionRetryLimit', 'acquireTimeoutMs of the pool manager'],
  ['connectionTimeout', 'acquireTimeoutMs and connectTimeoutMs of the pool manager'],
  ['connectionUri', 'the DSN of the pool manager'],
  ['driverFactory', 'nothing: hasql is the driver'],
  ['idleInTransactionSessionTimeout', 'poolOptions: { idle_in_transaction_session_timeout } of the pool manager'],
  ['idleTimeout', 'poolOptions: { idleTimeoutMillis } of the pool manager'],
  ['maximumConnectionAge', 'poolOptions: { maxLifetimeSeconds } of the pool manager'],
  ['maximumPoolSize', 'poolOptions: { max } of the pool manager'],
  ['maxPoolSize', 'poolOptions: { max } of the pool manager'],
  ['minimumPoolSize', 'poolOptions: { min } of the pool manager'],
  ['minPoolSize', 'poolOptions: { min } of the pool manager'],
  ['password', 'the DSN of the pool manager'],
  ['ssl', 'sslmode in the DSN, or poolOptions: { ssl }, of the pool manager'],
  ['statementTimeout', 'poolOptions: { statement_timeout } of the pool manager'],
])

function check(options: HasqlPoolOptions): void {
  for (const key of Object.keys(objectOf('createHasqlPool', options))) {
    const instead = NOT_HERE.get(key)
    if (instead !== undefined) {
      throw new OptionsError(key, `With createHasqlPool, leave ${key} out and set ${instead}`)
    }
  }
  oneOfKeys('createHasqlPool', options, [...SLONIK_KEYS, ...READ_KEYS, 'cursor'])
  if (options.cursor !== undefined && typeof options.cursor !== 'function') {
    throw new OptionsError('cursor', "cursor must be the class of pg-cursor: import Cursor from 'pg-cursor'")
  }
}

/** Those of the options, all of which may be missing, that have these keys. */
function only<T extends object>(options: T, keys: readonly string[]): T
function only(options: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key)))
}

async function nothing(): Promise<void> {
  // The connections are the manager's.
}
