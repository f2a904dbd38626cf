import type { Knex } from 'knex'
import { OptionsError } from '../errors.ts'
import { durationMs, objectOf, oneOfKeys } from '../manager/check-option.ts'
import { leasingClient } from './knex/client.ts'
import type { LeasingManager } from './knex/client.ts'
import { ROUTE } from './knex/route.ts'
import type { Role } from './knex/route.ts'

export type { LeasingManager } from './knex/client.ts'
export type { Role } from './knex/route.ts'

/** How `knexConfig` sends statements to hosts. */
export interface KnexOptions {
  /** Where everything goes. Default: reads outside transactions go to a replica, everything else to the master. */
  readonly role?: Role
  /** How long `.timeout(ms, { cancel: true })` waits for the server to end the statement; default 2000. */
  readonly cancelTimeoutMs?: number
}

const CANCEL_TIMEOUT_MS = 2_000

/**
 * The part of a Knex configuration that makes every connection a lease of a pool manager.
 *
 * ```ts
 * const orm = knex(knexConfig(db))
 * await orm('orders').insert({ item: 'tea' })                  // the master
 * const orders = await orm('orders').where({ item: 'tea' })    // a replica
 * ```
 * Add settings of Knex's own by spreading it: `knex({ ...knexConfig(db), searchPath: ['app'] })`. Knex's
 * `acquireConnectionTimeout` is the deadline of an acquire, by default the manager's `acquireTimeoutMs`; `connection`,
 * `connectionPool` and `pool` have no place there. `orm.destroy()` leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, or an option is unknown or out of range.
 */
export function knexConfig(db: LeasingManager, options: KnexOptions = {}): Knex.Config {
  if (typeof objectOf('knexConfig', db).acquireMaster !== 'function') {
    throw new OptionsError('db', "knexConfig takes the pool manager first: new PoolManager(dsn) of 'hasql/pg'")
  }
  oneOfKeys('knexConfig', options, ['role', 'cancelTimeoutMs'])
  const { role, cancelTimeoutMs = CANCEL_TIMEOUT_MS } = options
  if (role !== undefined && !['master', 'replica'].includes(role)) {
    throw new OptionsError('role', "role must be 'master' or 'replica'; leave it out to send reads to replicas")
  }
  return { client: leasingClient(db, role, durationMs('cancelTimeoutMs', cancelTimeoutMs)) }
}

/** What a route can be set on: every builder of Knex, `raw` included. */
export interface Routable {
  queryContext(context: object): unknown
  queryContext(): unknown
}

/**
 * Sends a statement to the master, whatever it looks like: a read that must see what was just written, a function that writes.
 *
 * ```ts
 * const [order] = await onMaster(orm('orders').where({ id }))
 * ```
 * It is kept in the builder's `queryContext`; set a context of your own before. Inside a transaction it changes nothing.
 */
export function onMaster<T extends Routable>(builder: T): T {
  return routed(builder, 'master')
}

/** Sends a statement to a replica, whatever it looks like; see `onMaster`. */
export function onReplica<T extends Routable>(builder: T): T {
  return routed(builder, 'replica')
}

function routed<T extends Routable>(builder: T, role: Role): T {
  const context = builder.queryContext()
  builder.queryContext({ ...(typeof context === 'object' ? context : {}), [ROUTE]: role })
  return builder
}
