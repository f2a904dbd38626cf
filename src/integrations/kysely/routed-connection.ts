import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { OptionsError } from '../../errors.ts'
import type {
  Cursor,
  CursorClass,
  LeaseSource,
  LeasedClient,
  Role,
  Statement,
  StatementResult,
  TypeParsers,
} from './leases.ts'

/** What all connections of a dialect have in common. */
export interface ConnectionRules {
  readonly source: LeaseSource
  /** Where a statement goes that is no part of a transaction. */
  readonly route: (query: CompiledQuery) => Role
  readonly cursor: CursorClass | undefined
  readonly typesFor: ((client: LeasedClient) => TypeParsers) | undefined
  /** Called with each lease, before its first statement; a rejection is the statement's. */
  readonly prepare: ((connection: DatabaseConnection, client: LeasedClient) => Promise<void>) | undefined
}

/** What Kysely says of each operation from 0.29 on; before, it says nothing. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/**
 * A connection of Kysely's that is not leased before its first statement tells where it has to go.
 *
 * Kysely asks for a connection before it says what for. One that is kept for several statements moves to the master with
 * the first that needs it, and stays there; a plain read leaves nothing behind on the replica.
 */
export class RoutedConnection implements DatabaseConnection {
  readonly #rules: ConnectionRules
  readonly #signal: AbortSignal | undefined
  #held: { readonly client: LeasedClient; readonly role: Role } | undefined
  /** Neither transactions nor sessions change their host. */
  #isPinned = false
  #isDiscarded = false
  #running = 0

  constructor(rules: ConnectionRules, signal?: AbortSignal) {
    this.#rules = rules
    this.#signal = signal
  }

  /** Leases now, for good. */
  async pin(role: Role): Promise<void> {
    await this.#clientOf(role, this.#signal)
    this.#isPinned = true
  }

  unpin(): void {
    this.#isPinned = false
  }

  /** Has the connection closed when it is given back: nobody knows what state it is in. */
  discard(): void {
    this.#isDiscarded = true
  }

  /** Gives the lease back, if there is one; what still runs on it is cut off. A lease that comes next starts afresh. */
  release(): void {
    const held = this.#held
    this.#held = undefined
    const isSpoilt = this.#isDiscarded || this.#running > 0
    this.#isDiscarded = false
    held?.client.release(isSpoilt)
  }

  async executeQuery<R>(query: CompiledQuery, options?: Abortable): Promise<QueryResult<R>> {
    const client = await this.#clientFor(query, options)
    const types = this.#rules.typesFor?.(client)
    const statement: Statement = { text: query.sql, values: [...query.parameters] }
    this.#running += 1
    try {
      return resultOf(await client.query<R>(types === undefined ? statement : { ...statement, types }))
    } finally {
      this.#running -= 1
    }
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
    options?: Abortable,
  ): AsyncIterableIterator<QueryResult<R>> {
    const { cursor: CursorClass } = this.#rules
    if (CursorClass === undefined) {
      throw new OptionsError('cursor', "Streams need pg-cursor: import Cursor from 'pg-cursor' and give it as 'cursor'")
    }
    const client = await this.#clientFor(query, options)
    this.#running += 1
    try {
      yield* readAll<R>(client.query(new CursorClass(query.sql, [...query.parameters])), chunkSize)
    } finally {
      this.#running -= 1
    }
  }

  async cancelQuery(): Promise<void> {
    if (this.#held === undefined || this.#running === 0) return
    // A request that may arrive yet must not end what the next holder runs.
    if (!(await this.#rules.source.cancel(this.#held.client))) this.#isDiscarded = true
  }

  /** The session ends with its statement: the connection is not used again. */
  async killSession(): Promise<void> {
    this.#isDiscarded = true
    await this.cancelQuery()
  }

  async #clientFor(query: CompiledQuery, options: Abortable | undefined): Promise<LeasedClient> {
    if (this.#held !== undefined && (this.#isPinned || this.#held.role === 'master')) return this.#held.client
    return this.#clientOf(this.#rules.route(query), options?.signal ?? this.#signal)
  }

  async #clientOf(role: Role, signal: AbortSignal | undefined): Promise<LeasedClient> {
    if (this.#held?.role === role) return this.#held.client
    this.release()
    const client = await this.#rules.source.lease(role, signal)
    this.#held = { client, role }
    if (this.#rules.prepare !== undefined) await this.#prepare(client)
    return client
  }

  /** Here and nowhere else, whatever its statements look like. */
  async #prepare(client: LeasedClient): Promise<void> {
    const wasPinned = this.#isPinned
    this.#isPinned = true
    try {
      await this.#rules.prepare?.(this, client)
    } catch (error) {
      this.discard()
      this.release()
      throw error
    } finally {
      this.#isPinned = wasPinned
    }
  }
}

async function* readAll<R>(cursor: Cursor, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
  try {
    for (;;) {
      const rows: R[] = await cursor.read(chunkSize)
      if (rows.length === 0) return
      yield { rows }
    }
  } finally {
    await cursor.close()
  }
}

/** Several statements in one text have a list of results, of which Kysely has no notion. */
function resultOf<R>(result: StatementResult<R> | readonly StatementResult<R>[]): QueryResult<R> {
  if (isList(result)) return { rows: [] }
  const { command, rowCount, rows } = result
  if (command === 'COMMIT' || command === 'ROLLBACK') return { rows: withTag(rows, command) }
  if (command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE') {
    return { numAffectedRows: BigInt(rowCount ?? 0), rows }
  }
  return { rows }
}

/** Kysely's driver looks among the rows for how a transaction really ended. */
function withTag<R>(rows: R[], command: string): R[] {
  Reflect.set(rows, 0, { command })
  return rows
}

function isList(result: unknown): result is readonly unknown[] {
  return Array.isArray(result)
}
