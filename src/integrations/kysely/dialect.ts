import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  TransactionSettings,
} from 'kysely'
import { readsOnly } from '../sql/reads-only.ts'
import { LeasingDriver } from './driver.ts'
import type { ConnectionHome, KyselyParts, TransactionRoute } from './driver.ts'
import type { LeasedClient, Role } from './leases.ts'
import { roleGiven } from './override.ts'
import { RoutedConnection } from './routed-connection.ts'
import type { ConnectionRules } from './routed-connection.ts'

/** Called with a connection of Kysely's. */
export type ConnectionHook = (connection: DatabaseConnection) => Promise<void>

/** Kysely's parts for PostgreSQL around connections that are leases. */
export class LeasingDialect implements Dialect {
  readonly #parts: KyselyParts
  readonly #rules: ConnectionRules
  readonly #routeOf: TransactionRoute

  constructor(parts: KyselyParts, rules: ConnectionRules, routeOf: TransactionRoute) {
    this.#parts = parts
    this.#rules = rules
    this.#routeOf = routeOf
  }

  createDriver(): Driver {
    const home: ConnectionHome = {
      open: (signal) => new RoutedConnection(this.#rules, signal),
      close: (connection) => connection.release(),
      end: () => undefined,
    }
    return new LeasingDriver(this.#parts, home, this.#routeOf)
  }

  createQueryCompiler(): QueryCompiler {
    return new this.#parts.PostgresQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new this.#parts.PostgresAdapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new this.#parts.PostgresIntrospector(db)
  }
}

/** Reads go to a replica, everything else to the master, unless a plugin says otherwise. */
export function routeByText(query: CompiledQuery): Role {
  return roleGiven(query.queryId) ?? (readsOnly(query.sql) ? 'replica' : 'master')
}

/** A transaction that is said to only read takes place on a replica; a standby has no serializable transactions. */
export function routeTransaction({ accessMode, isolationLevel }: TransactionSettings): Role {
  return accessMode === 'read only' && isolationLevel !== 'serializable' ? 'replica' : 'master'
}

/** Both hooks as one: what is done with a connection that was never used before, and with every lease. */
export function preparation(onCreate?: ConnectionHook, onReserve?: ConnectionHook): ConnectionRules['prepare'] {
  if (onCreate === undefined && onReserve === undefined) return undefined
  const known = new WeakSet<LeasedClient>()
  return async (connection, client) => {
    if (onCreate !== undefined && !known.has(client)) {
      await onCreate(connection)
      known.add(client)
    }
    await onReserve?.(connection)
  }
}
