import { AcquireTimeoutError, ManagerClosedError } from 'hasql'
import type { BasePoolManager } from 'hasql'
import { outcomeOf } from '../../chaos/frame/workload.ts'
import type { Executor, Sending, WriteRecord } from '../../chaos/history/write-record.ts'
import type { Clients } from './scenario.ts'
import { News } from './news.ts'

/** One write; where it was in the WAL, by the server's word, if it was acknowledged. */
export interface Write extends WriteRecord {
  readonly transactional: boolean
  /** A position at or before its commit, in bytes. */
  readonly lsn: number | undefined
}

/** One read. */
export interface Read {
  /** Whether it asked for a bound on the lag. */
  readonly bounded: boolean
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** The port of the server that answered, by its own word; undefined when it failed. */
  readonly server: number | undefined
  /** The highest id that it saw: how old the data was. */
  readonly seen: number | undefined
  readonly error: Error | undefined
}

/** What is done on a leased connection of whichever driver. */
export type Query<C> = (connection: C, text: string, values: readonly unknown[]) => Promise<readonly unknown[]>

const TIMELINE = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
/** One statement, so that a busy one holds its server for as long as it takes, and a pooler cannot give it to others meanwhile. */
const WRITE = `with busy as materialized (select pg_sleep($2::float8))
  insert into writes select $1::int, current_setting('port')::int, ${TIMELINE} from busy
  returning server, timeline, (pg_current_wal_insert_lsn() - '0/0')::float8 as lsn`
const READ = "select current_setting('port')::int as server, (select coalesce(max(id), 0) from writes)::int as seen"

const LAG_BOUND_MS = 2_000
/** An operation that has not ended by then, after the work was told to end, hangs. */
const STOP_LIMIT_MS = 5_000

interface Written extends Executor {
  readonly lsn: number
}

/** The application under test: loops that write and read through a manager, and remember what they were told. */
export class Application {
  readonly writes: Write[] = []
  readonly reads: Read[] = []
  /** How many loops there are: each has one operation in flight at most. */
  readonly loops: number
  /** Operations that had not ended a while after the work was told to end. */
  hanging = 0
  readonly #running: Promise<void>[]
  readonly #news: News
  readonly #tasks: Tasks

  private constructor(tasks: Tasks, news: News, clients: Required<Clients>) {
    this.#tasks = tasks
    this.#news = news
    const { writers, transactional, readers, bounded, pauseMs } = clients
    const loop = (count: number, operate: (index: number) => Promise<unknown>): Promise<void>[] =>
      Array.from({ length: count }, async (_, index) => {
        while (tasks.isRunning) {
          await operate(index)
          await new Promise((resolve) => setTimeout(resolve, pauseMs))
        }
      })
    this.#running = [
      ...loop(writers, async (index) => this.#wrote(await tasks.write(index + 1, false))),
      ...loop(transactional, async (index) => this.#wrote(await tasks.write(writers + index + 1, true))),
      ...loop(readers, async () => this.#read(await tasks.read(false))),
      ...loop(bounded, async () => this.#read(await tasks.read(true))),
    ]
    this.loops = this.#running.length
  }

  /** Begins to work through a manager; `query` is the driver's way to run a statement on its connection. */
  static start<C, P>(
    db: BasePoolManager<C, P>,
    query: Query<C>,
    { writers = 4, transactional = 2, readers = 4, bounded = 2, pauseMs = 10, busyMs = 0 }: Clients = {},
  ): Application {
    const clients = { writers, transactional, readers, bounded, pauseMs, busyMs }
    return new Application(tasksOf(db, query, busyMs), new News(), clients)
  }

  /** The first write that fits, now or as soon as there is one; rejects after the limit. */
  write(what: string, fits: (write: Write) => boolean, timeoutMs = 30_000): Promise<Write> {
    let seen = 0
    return this.#news.until(
      `${what} (application)`,
      () => {
        for (; seen < this.writes.length; seen += 1) {
          const write = this.writes[seen]
          if (write !== undefined && fits(write)) return write
        }
        return undefined
      },
      timeoutMs,
    )
  }

  /** The first read that fits, now or as soon as there is one; rejects after the limit. */
  read(what: string, fits: (read: Read) => boolean, timeoutMs = 30_000): Promise<Read> {
    return this.#news.until(`${what} (application)`, () => this.reads.find(fits), timeoutMs)
  }

  /** Every operation that failed, in the order of their ends; those that hung until the manager was ended are counted as hanging. */
  get failed(): readonly { readonly endedAtMs: number; readonly error: Error | undefined }[] {
    const failed = [...this.writes, ...this.reads].filter(
      ({ error }) => error !== undefined && !(error instanceof ManagerClosedError),
    )
    return failed.sort((one, other) => one.endedAtMs - other.endedAtMs)
  }

  /** Ends the loops; what has not ended a few seconds later hangs, and is counted. */
  async stop(): Promise<void> {
    this.#tasks.isRunning = false
    let left = this.#running.length
    const all = this.#running.map((loop) => loop.then(() => (left -= 1)))
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_LIMIT_MS)))
    await Promise.race([Promise.all(all), limit])
    clearTimeout(timer)
    this.hanging = left
  }

  /** After the manager was ended, nothing hangs any more. */
  async ended(): Promise<void> {
    await Promise.all(this.#running)
  }

  #wrote(write: Write): void {
    this.writes.push(write)
    this.#news.tell()
  }

  #read(read: Read): void {
    this.reads.push(read)
    this.#news.tell()
  }
}

/** What the loops do again and again. */
interface Tasks {
  isRunning: boolean
  write(writer: number, transactional: boolean): Promise<Write>
  read(bounded: boolean): Promise<Read>
}

function tasksOf<C, P>(db: BasePoolManager<C, P>, query: Query<C>, busyMs: number): Tasks {
  const leases = new Map<C, Omit<Sending, 'highestTimeline'>>()
  db.on('acquire', ({ connection, host }) => leases.set(connection, { host, atMs: performance.now() }))
  db.on('release', ({ connection }) => leases.delete(connection))
  let nextId = 1

  const insert = async (connection: C, id: number, transactional: boolean): Promise<Written | undefined> => {
    if (transactional) await query(connection, 'begin', [])
    const rows = await query(connection, WRITE, [id, busyMs / 1_000])
    if (transactional) await query(connection, 'commit', [])
    return rows.find(isWritten)
  }

  return {
    isRunning: true,
    write: async (writer, transactional) => {
      const id = nextId++
      const startedAtMs = performance.now()
      const sendings: Sending[] = []
      let written: Written | undefined
      let error: Error | undefined
      try {
        written = await db.withMaster(
          (connection) => {
            // The history of timelines is judged at the end, by the servers' own files.
            const lease = leases.get(connection) ?? { host: 'unknown', atMs: performance.now() }
            sendings.push({ ...lease, highestTimeline: 0 })
            return insert(connection, id, transactional)
          },
          { retry: transactional },
        )
      } catch (thrown) {
        error = toError(thrown)
      }
      const outcome = error === undefined ? 'acknowledged' : whatBecame(error, sendings)
      const executor = written === undefined ? undefined : { server: written.server, timeline: written.timeline }
      const endedAtMs = performance.now()
      const told = { startedAtMs, sendings, endedAtMs, outcome, executor, error } as const
      return { id, writer, retry: transactional, transactional, lsn: written?.lsn, ...told }
    },
    read: async (bounded) => {
      const startedAtMs = performance.now()
      let row: { readonly server: number; readonly seen: number } | undefined
      let error: Error | undefined
      try {
        const bound = bounded ? { maxLagMs: LAG_BOUND_MS } : {}
        const work = async (connection: C): Promise<typeof row> => (await query(connection, READ, [])).find(isSeen)
        row = await db.withReplica(work, { fallbackMaster: true, ...bound })
      } catch (thrown) {
        error = toError(thrown)
      }
      return { bounded, startedAtMs, endedAtMs: performance.now(), server: row?.server, seen: row?.seen, error }
    },
  }
}

/** A server that is told to go, or a pooler (08P01), may do so between a commit and its answer. */
function whatBecame(error: Error, sendings: readonly Sending[]): Write['outcome'] {
  const isTold = 'code' in error && typeof error.code === 'string' && /^(57P0|08P01)/.test(error.code)
  if (isTold && sendings.length > 0 && !(error instanceof AcquireTimeoutError)) return 'unknown'
  return outcomeOf(error, sendings)
}

function isWritten(row: unknown): row is Written {
  return typeof row === 'object' && row !== null && 'server' in row && 'timeline' in row && 'lsn' in row
}

function isSeen(row: unknown): row is { server: number; seen: number } {
  return typeof row === 'object' && row !== null && 'server' in row && 'seen' in row
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
