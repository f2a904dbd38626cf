import type { Cursor, LeasedClient, Statement, StatementResult, TypeParsers } from '../kysely/leases.ts'

/** A column of a result, as `pg` tells it. */
export interface Field {
  readonly name: string
  readonly dataTypeID: number
}

export interface FieldResult<R> extends StatementResult<R> {
  readonly fields: readonly Field[]
}

/** A `pg-cursor` that tells the columns with the rows. */
export interface FieldCursor {
  submit(connection: object): void
  read<R>(rows: number): Promise<R[]>
  read(rows: number, done: RowsRead): void
  close(): Promise<void>
}

export type RowsRead = (
  error: Error | null | undefined,
  rows: Record<string, unknown>[],
  result: { readonly fields: readonly Field[] },
) => void

/** What `pg-cursor` exports, as far as it is used. */
export type CursorClass = new (sql: string, values: unknown[], config: { readonly types: TypeParsers }) => FieldCursor

/** A statement as Slonik wants it sent: never as several in one text. */
export interface ExtendedStatement extends Statement {
  readonly queryMode: 'extended'
  readonly name?: string
}

/** The client of a lease, as far as it is used. */
export interface SlonikClient extends LeasedClient {
  query<R>(statement: ExtendedStatement | Statement): Promise<FieldResult<R>>
  query<T extends Cursor>(cursor: T): T
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'notice', listener: (notice: { readonly message?: string | undefined }) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'notice', listener: (notice: { readonly message?: string | undefined }) => void): unknown
}

/** A lease, and what its connection is in the middle of. */
export interface Held {
  readonly client: SlonikClient
  readonly types: TypeParsers
  running: number
  /** Whether nobody knows what state the connection is in. */
  isSpoilt: boolean
}
