import { AcquireTimeoutError, HostLostError } from 'hasql/pg'
import type { PgConnection, PoolManager } from 'hasql/pg'
import type { Executor, Sending, WriteOutcome, WriteRecord } from '../history/write-record.ts'

/** One read of the application. */
export interface ReadRecord {
  /** Whether the application asked for it to be run again where that is safe. */
  readonly retry: boolean
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** The port of the server that answered; undefined when it failed. */
  readonly server: number | undefined
  readonly error: Error | undefined
}

export interface WorkloadOptions {
  readonly writers: number
  readonly readers: number
  /** How many of the writers, and of the readers, have hasql run again what was not executed. Default 0. */
  readonly retrying?: number
  /** Pause between two operations of one loop. Default 10: the machine must not be the load's alone. */
  readonly pauseMs?: number
}

const TIMELINE = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"

/** No unique constraint: a write that was executed twice shows. */
export const CREATE_WRITES = 'create table writes (id bigint not null, server int not null, timeline int not null)'
const WRITE = `insert into writes values ($1, current_setting('port')::int, ${TIMELINE}) returning server, timeline`
const READ = "select current_setting('port')::int as server"

/** The application: writers and readers that never look at which host is what, and remember what they were told. */
export class Workload {
  readonly writes: WriteRecord[] = []
  readonly reads: ReadRecord[] = []
  readonly #db: PoolManager
  readonly #pauseMs: number
  readonly #writers: number
  readonly #loops: Promise<void>[] = []
  readonly #waiting = new Set<() => void>()
  readonly #grantedAtMs = new WeakMap<PgConnection, number>()
  #nextId = 1
  #running = true

  constructor(db: PoolManager, { writers, readers, retrying = 0, pauseMs = 10 }: WorkloadOptions) {
    this.#db = db
    this.#pauseMs = pauseMs
    this.#writers = writers
    db.on('acquire', ({ connection }) => this.#grantedAtMs.set(connection, performance.now()))
    for (let writer = 1; writer <= writers; writer++)
      this.#loops.push(this.#loop(() => this.write(writer, writer <= retrying)))
    for (let reader = 1; reader <= readers; reader++) this.#loops.push(this.#loop(() => this.read(reader <= retrying)))
  }

  /** One write, recorded; never rejects. */
  async write(writer = 0, retry = false): Promise<WriteRecord> {
    const id = this.#nextId++
    const startedAtMs = performance.now()
    const sendings: Sending[] = []
    let executor: Executor | undefined
    let error: Error | undefined
    try {
      executor = await this.#db.withMaster(
        async (connection) => {
          sendings.push(this.#sending(connection))
          return (await connection.query<{ server: number; timeline: number }>(WRITE, [id])).rows[0]
        },
        { retry },
      )
    } catch (thrown) {
      error = toError(thrown)
    }
    const outcome = error === undefined ? 'acknowledged' : outcomeOf(error, sendings)
    const record = { id, writer, retry, startedAtMs, sendings, endedAtMs: performance.now(), outcome, executor, error }
    this.writes.push(record)
    this.#tell()
    return record
  }

  /** One read, recorded; never rejects. */
  async read(retry = false): Promise<ReadRecord> {
    const startedAtMs = performance.now()
    let server: number | undefined
    let error: Error | undefined
    try {
      const work = async (connection: PgConnection): Promise<number | undefined> =>
        (await connection.query<{ server: number }>(READ)).rows[0]?.server
      server = await this.#db.withReplica(work, { fallbackMaster: true, retry })
    } catch (thrown) {
      error = toError(thrown)
    }
    const record = { retry, startedAtMs, endedAtMs: performance.now(), server, error }
    this.reads.push(record)
    this.#tell()
    return record
  }

  /** Resolves when what was recorded so far is as wanted. */
  async until(what: string, isReached: () => boolean, timeoutMs = 15_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!isReached()) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`Not within ${timeoutMs} ms: ${what}`))
      }, timeoutMs)
      this.#waiting.add(look)
      look()
    })
  }

  /**
   * Resolves when every writer has had a write acknowledged by a server: of each, when its first one since `sinceMs`
   * ended, and when the last one before that did, whoever acknowledged it.
   */
  async backOn(server: number, sinceMs: number): Promise<readonly { endedAtMs: number; beforeMs: number }[]> {
    const back = new Map<number, { endedAtMs: number; beforeMs: number }>()
    const before = new Map<number, number>()
    let seen = this.#indexBefore(sinceMs - 1_000)
    await this.until(`every writer writes to the server on port ${server}`, () => {
      for (; seen < this.writes.length; seen++) {
        const write = this.writes[seen]
        if (write?.executor === undefined || write.writer === 0 || back.has(write.writer)) continue
        const { writer, endedAtMs, executor } = write
        if (executor.server === server && endedAtMs >= sinceMs) {
          back.set(writer, { endedAtMs, beforeMs: before.get(writer) ?? sinceMs })
        } else {
          before.set(writer, endedAtMs)
        }
      }
      return back.size === this.#writers
    })
    return [...back.values()]
  }

  /** Where the records begin that ended at a moment or later. */
  #indexBefore(momentMs: number): number {
    let index = this.writes.length
    while (index > 0 && (this.writes[index - 1]?.endedAtMs ?? 0) >= momentMs) index--
    return index
  }

  /** Ends the loops; resolves when the last operation has ended. */
  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
  }

  #sending(connection: PgConnection): Sending {
    const { host, port } = connection
    return {
      host: `${host}:${port}`,
      // The lease began a few promises ago, and its host may have been taken out since: what it began with is what counts.
      atMs: this.#grantedAtMs.get(connection) ?? performance.now(),
      highestTimeline: this.#db.topology.fencing.highestTimeline,
    }
  }

  async #loop(operate: () => Promise<unknown>): Promise<void> {
    while (this.#running) {
      await operate()
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs))
    }
  }

  #tell(): void {
    for (const look of this.#waiting) look()
  }
}

/**
 * What an error says of the write. A server that reports an error has rolled the statement back; a connection that just
 * ends says nothing.
 */
export function outcomeOf(error: Error, sendings: readonly Sending[]): WriteOutcome {
  // Of a write that is run again, every run but the last is known to have had no effect.
  if (sendings.length === 0 || error instanceof AcquireTimeoutError) return 'not-executed'
  if (error instanceof HostLostError) return error.outcome
  return 'severity' in error && 'code' in error ? 'not-executed' : 'unknown'
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
