import {
  CompiledQuery,
  Kysely,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import type { KyselyConfig, KyselyPlugin } from 'kysely'
import type { PoolManager } from '../drivers/pg.ts'
import { oneOfKeys } from '../manager/check-option.ts'
import type { AcquireOptions } from '../manager/acquire-options.ts'
import { LeasingDialect, preparation, routeByText, routeTransaction } from './kysely/dialect.ts'
import type { ConnectionHook } from './kysely/dialect.ts'
import type { KyselyParts } from './kysely/driver.ts'
import { READ_KEYS, leasesOf } from './kysely/leases.ts'
import type { CursorClass, ReadOptions } from './kysely/leases.ts'
import { sendTo } from './kysely/override.ts'
import { openSession } from './kysely/session.ts'
import type { SessionDialect } from './kysely/session.ts'

export type { ConnectionHook } from './kysely/dialect.ts'
export type { Cursor, CursorClass, ReadOptions } from './kysely/leases.ts'

const PARTS: KyselyParts = {
  CompiledQuery,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
}

/** What `HasqlDialect` takes beside the manager; how replicas are chosen is by default the manager's own way. */
export interface HasqlDialectOptions extends ReadOptions {
  /** `pg-cursor`, for `stream()`. Default: none, and streams are refused. */
  readonly cursor?: CursorClass
  /** Called with each connection before its first use by this dialect. */
  readonly onCreateConnection?: ConnectionHook
  /** Called with each connection whenever it is leased. */
  readonly onReserveConnection?: ConnectionHook
}

/**
 * Kysely on a pool manager: reads outside transactions go to a healthy replica, everything else to the current master.
 *
 * ```ts
 * const kysely = new Kysely<Database>({ dialect: new HasqlDialect(db, { cursor: Cursor }) })
 * const orders = await kysely.selectFrom('orders').selectAll().execute()        // a replica
 * await kysely.insertInto('orders').values({ item: 'tea' }).execute()           // the master
 * ```
 * `with … insert`, `select … for update` and whatever is not certainly a read go to the master, and so do transactions, but
 * for those with `setAccessMode('read only')`. `onMaster` and `onReplica` send queries elsewhere. An aborted query is
 * cancelled at the server that runs it. `kysely.destroy()` leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, or an option is unknown.
 */
export class HasqlDialect extends LeasingDialect {
  constructor(db: PoolManager, options: HasqlDialectOptions = {}) {
    oneOfKeys('HasqlDialect', options, DIALECT_KEYS)
    const { cursor, onCreateConnection, onReserveConnection, ...reads } = options
    const prepare = preparation(onCreateConnection, onReserveConnection)
    const rules = { source: leasesOf(db, reads), route: routeByText, cursor, typesFor: undefined, prepare }
    super(PARTS, rules, routeTransaction)
  }
}

const DIALECT_KEYS: readonly string[] = [...READ_KEYS, 'cursor', 'onCreateConnection', 'onReserveConnection']

/**
 * A plugin that sends every query to the master: reads that must see what was just written, functions that write.
 *
 * ```ts
 * const order = await kysely.withPlugin(onMaster).selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
 * ```
 * A transaction has a host of its own already, so it changes nothing in there.
 */
export const onMaster: KyselyPlugin = sendTo('master')

/** A plugin that sends every query to a replica, whatever it looks like; see `onMaster`. */
export const onReplica: KyselyPlugin = sendTo('replica')

/** What `createSession` takes: what an acquire takes, and Kysely's own settings. */
export interface SessionOptions extends AcquireOptions, Pick<KyselyConfig, 'plugins' | 'log'> {
  /** `pg-cursor`, for `stream()`. */
  readonly cursor?: CursorClass
}

/** A Kysely on one leased connection; `destroy()`, or the end of an `await using`, gives it back. */
export class KyselySession<DB> extends Kysely<DB> {
  readonly #dialect: SessionDialect

  /** @internal Made by `createSession`. */
  constructor(dialect: SessionDialect, config: Pick<KyselyConfig, 'plugins' | 'log'>) {
    super({ ...config, dialect })
    this.#dialect = dialect
  }

  /** Gives the connection back, once. One with a transaction still open, or a query still running, is closed. */
  override async destroy(): Promise<void> {
    this.#dialect.close()
    await super.destroy()
  }
}

/**
 * Leases one connection for as long as a piece of work takes, a request for example, with a Kysely on it.
 *
 * ```ts
 * await using session = await createSession<Database>(db, { readOnly: true })
 * const orders = await session.selectFrom('orders').selectAll().execute()
 * ```
 * All of it runs on one host: a replica with `readOnly: true`, else the master. One query, or one transaction, at a time:
 * inside a transaction use the transaction, not the session. Rejects as `acquire` does.
 */
export async function createSession<DB>(db: PoolManager, options: SessionOptions = {}): Promise<KyselySession<DB>> {
  const { cursor, plugins, log, readOnly = false, ...acquire } = options
  const source = { ...leasesOf(db), lease: () => db.acquire({ ...acquire, readOnly }) }
  const rules = { source, cursor, typesFor: undefined, prepare: undefined }
  const dialect = await openSession(PARTS, rules, readOnly ? 'replica' : 'master')
  return new KyselySession(dialect, {
    ...(plugins === undefined ? {} : { plugins }),
    ...(log === undefined ? {} : { log }),
  })
}
