import type { DatabaseIntrospector, Dialect, DialectAdapter, Driver, Kysely, QueryCompiler } from 'kysely'
import { UnknownConnectionError } from '../../errors.ts'
import { LeasingDriver } from './driver.ts'
import type { ConnectionHome, KyselyParts } from './driver.ts'
import type { Role } from './leases.ts'
import { RoutedConnection } from './routed-connection.ts'
import type { ConnectionRules } from './routed-connection.ts'
import { Turns } from './turns.ts'

/** A dialect with one connection, which is leased before and given back, once, when it is closed. */
export class SessionDialect implements Dialect {
  readonly #parts: KyselyParts
  readonly #connection: RoutedConnection
  readonly #role: Role
  readonly #turns = new Turns()
  #isClosed = false

  constructor(parts: KyselyParts, connection: RoutedConnection, role: Role) {
    this.#parts = parts
    this.#connection = connection
    this.#role = role
  }

  /** What is left of a transaction, or still runs, has the connection closed. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#connection.release()
  }

  createDriver(): Driver {
    const home: ConnectionHome = {
      open: () => this.#open(),
      close: () => this.#turns.give(),
      end: () => this.close(),
    }
    return new LeasingDriver(this.#parts, home, () => this.#role)
  }

  createQueryCompiler(): QueryCompiler {
    return new this.#parts.PostgresQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    const adapter = new this.#parts.PostgresAdapter()
    // From 0.29 on Kysely itself then lets one transaction, or one query, at it at a time, and an abort ends the wait.
    Object.defineProperty(adapter, 'supportsMultipleConnections', { value: false })
    return adapter
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new this.#parts.PostgresIntrospector(db)
  }

  async #open(): Promise<RoutedConnection> {
    await this.#turns.take()
    if (!this.#isClosed) return this.#connection
    this.#turns.give()
    throw new UnknownConnectionError('released')
  }
}

/** Leases the one connection of a session. */
export async function openSession(
  parts: KyselyParts,
  rules: Omit<ConnectionRules, 'route'>,
  role: Role,
): Promise<SessionDialect> {
  const connection = new RoutedConnection({ ...rules, route: () => role })
  await connection.pin(role)
  return new SessionDialect(parts, connection, role)
}
