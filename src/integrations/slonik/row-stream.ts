import { Readable } from 'node:stream'
import type { DriverStreamResult } from 'slonik'
import { toError } from '../../to-error.ts'
import type { FieldCursor, Held } from './leased-client.ts'
import { fieldsOf } from './result.ts'
import { slonikError } from './server-error.ts'

/** How many rows the server is asked for at a time. */
const ROWS = 100

/** Where a stream's rows come from. */
export interface RowSource {
  readonly sql: string
  lease(): Promise<Held>
  open(held: Held): FieldCursor
  /** Has the server end what it does for this lease. */
  cancel(held: Held): void
}

/** The rows of a statement, fetched as they are read. Destroyed before its end, it has the server stop. */
export class RowStream extends Readable {
  readonly #source: RowSource
  readonly #rows: DriverStreamResult[] = []
  #open: { readonly held: Held; readonly cursor: FieldCursor } | undefined
  #isFetching = false

  constructor(source: RowSource) {
    super({ objectMode: true, highWaterMark: ROWS })
    this.#source = source
  }

  override _read(): void {
    if (this.#rows.length > 0) this.push(this.#rows.shift())
    else void this.#fetch()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isFetching) this.#leave()
    else if (this.#open !== undefined) this.#source.cancel(this.#open.held)
    done(error)
  }

  async #fetch(): Promise<void> {
    this.#isFetching = true
    try {
      await this.#fill()
    } catch (error) {
      // The server is done with the statement.
      this.#close()
      this.destroy(slonikError(toError(error), this.#source.sql))
    }
    this.#isFetching = false
    if (this.destroyed) this.#leave()
    else this.push(this.#rows.shift() ?? null)
  }

  async #fill(): Promise<void> {
    if (this.#open === undefined) {
      const held = await this.#source.lease()
      if (this.destroyed) return
      held.running += 1
      this.#open = { held, cursor: this.#source.open(held) }
    }
    this.#rows.push(...(await rowsOf(this.#open.cursor)))
    if (this.#rows.length === 0) this.#close()
  }

  /** What was not read to its end is closed at the server, before the connection does anything else. */
  #leave(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    // A server that is lost does not answer; then the count stays, and the connection is closed.
    void open.cursor.close().then(() => (open.held.running -= 1))
  }

  #close(): void {
    if (this.#open === undefined) return
    this.#open.held.running -= 1
    this.#open = undefined
  }
}

function rowsOf(cursor: FieldCursor): Promise<DriverStreamResult[]> {
  return new Promise((resolve, reject) => {
    cursor.read(ROWS, (error, rows, result) => {
      if (error) reject(error)
      else if (rows.length === 0) resolve([])
      else resolve(withFields(rows, fieldsOf(result)))
    })
  })
}

function withFields(rows: Record<string, unknown>[], fields: DriverStreamResult['fields']): DriverStreamResult[] {
  return rows.map((row) => ({ fields, row }))
}
