import type { PoolManager } from 'hasql/pg'

/** What a library is asked to do, always by the means its own users would take. */
export interface Subject {
  /** Runs `select current_setting('port')::int` as a read; answers with the port. */
  read(): Promise<number>
  /** Inserts a row of this id into `story` as a statement of its own; answers with the port of the row (its default). */
  write(id: number): Promise<number>
  /**
   * In one transaction: inserts a row of this id, fails if told so, then inserts a row of the negative id. What it was told to
   * fail with rejects.
   */
  transaction(id: number, failure?: Error): Promise<void>
  /** Reads `generate_series(1, 1000)` row by row, as a stream or with a cursor; answers with the number of rows. */
  stream?(): Promise<number>
  /** Runs this statement on the master and calls it off with this signal, by the library's own means. */
  cancel?(sql: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** What a subject is opened with. */
export interface Opened {
  /** A manager of the cluster, not used by anybody else. Reads fall back to the master. */
  readonly db: PoolManager
  readonly dsn: string
}

/** One row of the table in the README. */
export interface Library {
  /** As its users call it. */
  readonly name: string
  /** The package whose version is shown. */
  readonly package: string
  /** The file from which the package is found, if not from here: `import.meta.url` of a test in `apart`. */
  readonly from?: string
  /** Opens the library on a cluster. The table is `story (id int primary key, port int not null default <its server's port>)`. */
  open(opened: Opened): Promise<Subject>
  /** What the library itself has not, with the reason; a dash in the table. */
  readonly lacks?: Partial<Record<'streaming' | 'cancel', string>>
  /** For libraries on another driver than `pg`, which open the cluster themselves; `db` is not connected then. */
  readonly ownManager?: boolean
}
