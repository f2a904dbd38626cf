import type { DrizzleConfig } from 'drizzle-orm'
import { drizzle as drizzleOn } from 'drizzle-orm/node-postgres'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgConnection, PoolManager } from '../drivers/pg.ts'
import { OptionsError } from '../errors.ts'
import type { AcquireOptions } from '../manager/acquire-options.ts'
import { objectOf } from '../manager/check-option.ts'
import { BorrowedClient } from './pg/borrowed-client.ts'
import { withRoles } from './drizzle/roles.ts'
import type { WithRoles } from './drizzle/roles.ts'
import { rolePool, routedPool } from './drizzle/routed-pool.ts'
import type { RolePool } from './drizzle/routed-pool.ts'
import { withMethods } from './pg/with-methods.ts'

export type { WithRoles } from './drizzle/roles.ts'

type Schema = Record<string, unknown>

/** A database of Drizzle's on one role. */
export type RoleDatabase<TSchema extends Schema = Record<string, never>> = NodePgDatabase<TSchema> & {
  readonly $client: RolePool
}

/** What `drizzle` makes: a database of Drizzle's, with `$primary` and `$replica` to say where a query goes. */
export type HasqlDatabase<TSchema extends Schema = Record<string, never>> = WithRoles<
  RoleDatabase<TSchema>,
  RoleDatabase<TSchema>
>

/**
 * Drizzle on a pool manager: reads outside transactions go to a healthy replica, everything else to the current master.
 *
 * ```ts
 * const orm = drizzle(db, { schema })
 * const found = await orm.select().from(orders)                                   // a replica
 * await orm.insert(orders).values({ item: 'tea' })                                // the master
 * const fresh = await orm.$primary.select().from(orders)                          // the master
 * await orm.transaction(async (tx) => tx.select().from(orders).for('update'))     // the master
 * ```
 * `with … insert`, `select … for update` and whatever is not certainly a read go to the master, raw SQL included. `config` is
 * Drizzle's own, without a client or a connection.
 * @throws {OptionsError} `db` is no pool manager, or `config` names another client.
 */
export function drizzle<TSchema extends Schema = Record<string, never>>(
  db: PoolManager,
  config: DrizzleConfig<TSchema> = {},
): HasqlDatabase<TSchema> {
  check('drizzle', db, config)
  const on = (client: RolePool): RoleDatabase<TSchema> => drizzleOn({ ...config, client })
  return withRoles(on(routedPool(db)), {
    $primary: on(rolePool(db.masterPool)),
    $replica: on(rolePool(db.replicaPool)),
  })
}

/** What `createSession` takes: what an acquire takes, and Drizzle's own configuration. */
export interface SessionOptions<TSchema extends Schema> extends AcquireOptions, DrizzleConfig<TSchema> {}

/** A database of Drizzle's on one leased connection. */
export type DrizzleSession<TSchema extends Schema = Record<string, never>> = NodePgDatabase<TSchema> &
  AsyncDisposable & {
    /** Gives the connection back, once. One with a transaction still open, or a query still running, is closed. */
    close(): Promise<void>
  }

/**
 * Leases one connection for as long as a piece of work takes, a request for example, with a Drizzle on it.
 *
 * ```ts
 * await using session = await createSession(db, { readOnly: true, schema })
 * const found = await session.query.orders.findMany()
 * ```
 * All of it runs on one host: a replica with `readOnly: true`, else the master. One transaction at a time: inside of it use
 * `tx`, not the session. Rejects as `acquire` does.
 */
export async function createSession<TSchema extends Schema = Record<string, never>>(
  db: PoolManager,
  options: SessionOptions<TSchema> = {},
): Promise<DrizzleSession<TSchema>> {
  check('createSession', db, options)
  const { schema, logger, casing, cache, readOnly = false, ...acquire } = options
  const connection = await db.acquire({ ...acquire, readOnly })
  const borrowed = new BorrowedClient(connection, 'session')
  const client = withMethods(connection, {
    query: (...args) => borrowed.query(...args),
    release: () => borrowed.release(),
  })
  const config = {
    ...(schema === undefined ? {} : { schema }),
    ...(logger === undefined ? {} : { logger }),
    ...(casing === undefined ? {} : { casing }),
    ...(cache === undefined ? {} : { cache }),
  }
  const close = async (): Promise<void> => borrowed.release()
  return Object.assign(drizzleOn<TSchema, PgConnection>({ ...config, client }), { close, [Symbol.asyncDispose]: close })
}

function check(where: string, db: unknown, config: object): void {
  if (typeof db !== 'object' || db === null || !('masterPool' in db)) {
    throw new OptionsError('db', `${where} takes the pool manager first: new PoolManager(dsn) of 'hasql/pg'`)
  }
  for (const key of ['client', 'connection']) {
    if (!(key in objectOf(where, config))) continue
    throw new OptionsError(key, `${where} of hasql/drizzle connects through the pool manager: leave '${key}' out`)
  }
}
