import type postgres from 'postgres'
import type { DsnInput } from '../dsn/parse.ts'
import { BasePoolManager } from '../manager/base-pool-manager.ts'
import { managerOptions } from '../manager/options.ts'
import type { ManagerOptions } from '../manager/options.ts'
import { driverOf } from './postgres/driver-of.ts'
import type { PostgresConnection } from './postgres/postgres-connection.ts'
import { Listener } from './postgres/listener.ts'
import type { NativeSql } from './postgres/native.ts'
import { makeTemplate } from './postgres/options.ts'
import type { PostgresPoolOptions } from './postgres/pool-options.ts'
import { roleSql, slotsOf } from './postgres/role-sql.ts'
import type { RoleSource } from './postgres/role-sql.ts'

export * from '../index.ts'
export { createPostgresDriver } from './postgres/driver.ts'
export type { PostgresConnection } from './postgres/postgres-connection.ts'
export type { PostgresPoolOptions } from './postgres/pool-options.ts'

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
  readonly #template: NativeSql
  readonly #listener: Listener
  #master: postgres.Sql | undefined
  #replica: postgres.Sql | undefined

  constructor(dsn: DsnInput, options: PostgresManagerOptions = {}) {
    const { poolOptions: given = {}, ...rest } = managerOptions(options, ['poolOptions'])
    const template = makeTemplate(given)
    super(driverOf({ given, template }), dsn, rest)
    this.#template = template
    this.#listener = new Listener(slotsOf(this.#sourceOf('master')))
  }

  /**
   * The current master as an `sql` of postgres.js: for code and libraries that take one.
   *
   * ```ts
   * await db.master`insert into t values (${1})`
   * await db.master.begin((sql) => sql`update t set n = n + 1`)
   * ```
   * The host is chosen for each statement anew. Single statements share connections, as they do in postgres.js; a transaction
   * and a reserved connection are leases. Waiting for a master, or for a connection, ends after `acquireTimeoutMs`. `end` ends
   * this `sql` alone: the manager, and with it every connection, is closed with `close`.
   * @throws {HostLostError} the connection was lost while the statement ran. Otherwise as `acquireMaster`.
   */
  get master(): postgres.Sql {
    return (this.#master ??= this.#sqlOf('master'))
  }

  /**
   * The healthy replicas as an `sql`; see `master`. Each statement may go to another host, and goes to the master when the
   * manager's `fallbackMaster` or `masterAsReplicaWeight` says so. `listen` listens on the master: replicas cannot.
   */
  get replica(): postgres.Sql {
    return (this.#replica ??= this.#sqlOf('replica'))
  }

  override close(options?: { readonly timeoutMs?: number }): Promise<void> {
    this.#listener.end()
    return super.close(options)
  }

  override terminate(): Promise<void> {
    this.#listener.end()
    return super.terminate()
  }

  #sqlOf(role: 'master' | 'replica'): postgres.Sql {
    return roleSql(`db.${role}`, this.#template, this.#sourceOf(role), this.#listener)
  }

  #sourceOf(role: 'master' | 'replica'): RoleSource {
    return {
      choose: () => this.choose(role)?.pool.driverPool,
      lease: (granted, failed) => this.lease(role, granted, failed),
    }
  }
}
