import { AcquireTimeoutError, TokenUnreachableError } from 'hasql/pg'
import type { PgConnection, PoolManager } from 'hasql/pg'

/** Beside the table of the workload, whose history is judged by itself. */
export const CREATE_NOTES = 'create table notes (id bigint not null)'
const INSERT = 'insert into notes values ($1)'
const LOOK = "select current_setting('port')::int as server, exists (select from notes where id = $1) as sees"

/** One read after a token: whether it saw the write, and where; or why it was not made. */
export interface TokenRead {
  /** When the write began that it was to see. */
  readonly writtenAtMs: number
  readonly startedAtMs: number
  readonly tookMs: number
  readonly fallbackMaster: boolean
  readonly server: number | undefined
  readonly sees: boolean | undefined
  readonly error: unknown
}

/** Clients that write, take a token, and read after it, again and again; every other one lets the master serve it. */
export class TokenReaders {
  readonly reads: TokenRead[] = []
  readonly #db: PoolManager
  readonly #loops: Promise<void>[]
  #nextId = 0
  #running = true

  constructor(db: PoolManager, clients: number) {
    this.#db = db
    this.#loops = Array.from({ length: clients }, (_, index) => this.#loop(index % 2 === 0))
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
  }

  /** Reads after a token that did not see the write: there must be none. */
  get stale(): number {
    return this.reads.filter(({ sees }) => sees === false).length
  }

  servedBy(server: number, fromMs: number, untilMs: number): readonly TokenRead[] {
    return this.reads.filter(
      (read) => read.server === server && read.startedAtMs >= fromMs && read.startedAtMs < untilMs,
    )
  }

  /** Those that failed with anything but what a token may fail with. */
  get unexpected(): readonly unknown[] {
    return this.reads
      .map(({ error }) => error)
      .filter((error) => error !== undefined && !(error instanceof TokenUnreachableError))
      .filter((error) => !(error instanceof AcquireTimeoutError))
  }

  count(Kind: typeof TokenUnreachableError | typeof AcquireTimeoutError): number {
    return this.reads.filter(({ error }) => error instanceof Kind).length
  }

  async #loop(fallbackMaster: boolean): Promise<void> {
    while (this.#running) {
      const id = (this.#nextId += 1)
      const writtenAtMs = performance.now()
      const token = await this.#write(id).catch(() => undefined)
      if (token !== undefined) await this.#read(id, writtenAtMs, token, fallbackMaster)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #write(id: number): Promise<string> {
    return this.#db.withMaster(async (connection) => {
      await connection.query(INSERT, [id])
      return this.#db.writeToken(connection)
    })
  }

  async #read(id: number, writtenAtMs: number, after: string, fallbackMaster: boolean): Promise<void> {
    const startedAtMs = performance.now()
    let row: { readonly server: number; readonly sees: boolean } | undefined
    let error: unknown
    try {
      const look = async (connection: PgConnection): Promise<typeof row> =>
        (await connection.query<{ server: number; sees: boolean }>(LOOK, [id])).rows[0]
      row = await this.#db.withReplica(look, { after, fallbackMaster, timeoutMs: 4_000, retry: true })
    } catch (thrown) {
      error = thrown
    }
    const tookMs = performance.now() - startedAtMs
    this.reads.push({ writtenAtMs, startedAtMs, tookMs, fallbackMaster, server: row?.server, sees: row?.sees, error })
  }
}
