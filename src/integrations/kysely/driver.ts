import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  QueryCompiler,
  TransactionSettings,
} from 'kysely'
import { HasqlError, UnknownConnectionError } from '../../errors.ts'
import { RoutedConnection } from './routed-connection.ts'
import type { Abortable } from './routed-connection.ts'
import type { Role } from './leases.ts'

/** The classes of Kysely that a dialect is made of; of the caller's own copy, as one copy's errors are not another's. */
export interface KyselyParts {
  readonly CompiledQuery: typeof CompiledQuery
  readonly PostgresAdapter: typeof PostgresAdapter
  readonly PostgresDriver: typeof PostgresDriver
  readonly PostgresIntrospector: typeof PostgresIntrospector
  readonly PostgresQueryCompiler: typeof PostgresQueryCompiler
}

/** Where a transaction takes place. */
export type TransactionRoute = (settings: TransactionSettings) => Role

/** Where a driver's connections come from. */
export interface ConnectionHome {
  open(signal: AbortSignal | undefined): RoutedConnection | Promise<RoutedConnection>
  close(connection: RoutedConnection): void
  end(): void
}

/** A driver of Kysely's whose connections are leases; what it says to a server is what Kysely's own driver says. */
export class LeasingDriver implements Driver {
  readonly #parts: KyselyParts
  readonly #speech: PostgresDriver
  readonly #home: ConnectionHome
  readonly #routeOf: TransactionRoute

  constructor(parts: KyselyParts, home: ConnectionHome, routeOf: TransactionRoute) {
    this.#parts = parts
    this.#speech = new parts.PostgresDriver({ pool: noPool })
    this.#home = home
    this.#routeOf = routeOf
  }

  async init(): Promise<void> {
    // Watching the hosts starts with the first lease.
  }

  async acquireConnection(options?: Abortable): Promise<DatabaseConnection> {
    return this.#home.open(options?.signal)
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await routed(connection).pin(this.#routeOf(settings))
    await this.#speech.beginTransaction(connection, settings)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await this.#speech.commitTransaction(connection)
    } catch (error) {
      // Kysely sends no rollback after this one: the server has done it.
      if (error instanceof Error && error.name === 'AbortedTransactionError') routed(connection).unpin()
      throw error
    }
    routed(connection).unpin()
  }

  /** One that fails has its connection closed, which rolls back as well: what failed before it is what its caller is told. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(this.#parts.CompiledQuery.raw('rollback'))
    } catch {
      routed(connection).discard()
    }
    routed(connection).unpin()
  }

  async savepoint(connection: DatabaseConnection, name: string, compile: QueryCompiler['compileQuery']): Promise<void> {
    await this.#speech.savepoint(connection, name, compile)
  }

  async rollbackToSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await this.#speech.rollbackToSavepoint(connection, name, compile)
  }

  async releaseSavepoint(
    connection: DatabaseConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ): Promise<void> {
    await this.#speech.releaseSavepoint(connection, name, compile)
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#home.close(routed(connection))
  }

  async destroy(): Promise<void> {
    this.#home.end()
  }
}

/** Kysely's driver is never asked for a connection. */
async function noPool(): Promise<never> {
  throw new HasqlError('ERR_HASQL_UNKNOWN_CONNECTION', 'Kysely asked for a pool, but hasql leases its connections')
}

function routed(connection: DatabaseConnection): RoutedConnection {
  if (connection instanceof RoutedConnection) return connection
  throw new UnknownConnectionError('foreign')
}
