import { retiresConnection } from '../driver/session-end.ts'
import type { Driver, ProbeConnection, ProbeOptions } from '../driver/driver.ts'
import type { HostSpec } from '../dsn/host-spec.ts'
import { toError } from '../to-error.ts'
import { ROLE_ONLY_QUERY } from './role-query.ts'

/**
 * Sessions whose commit waits for a synchronous standby, the longest-running first (PostgreSQL documentation, 27.2.3
 * "pg_stat_activity", wait event `SyncRep`). The function under that view takes no lock on a catalog, so that nothing but the server
 * itself can hold the question up. It shows a role its own sessions, and those of roles it is a member of; members of
 * `pg_read_all_stats` see all. The same on PostgreSQL 12 to 18.
 */
export const SYNC_WAIT_QUERY = `select pg_catalog.count(*)::pg_catalog.text,
  pg_catalog.array_to_string((pg_catalog.array_agg(
    pg_catalog.concat(pid, '@', pg_catalog.date_part('epoch', query_start)) order by query_start))[1:50], ' ')
  from pg_catalog.pg_stat_get_activity(null)
  where wait_event operator(pg_catalog.=) 'SyncRep' and backend_type operator(pg_catalog.=) 'client backend'`

/** The sessions that wait for a synchronous standby at one moment. */
export interface WaitingSessions {
  readonly waiting: number
  /** The process of each, with the moment its statement began: two looks that show the same show the same wait. At most 50. */
  readonly sessions: readonly string[]
}

/** Reads the row of `SYNC_WAIT_QUERY`; what is not one of its rows counts as nobody waiting. */
export function readWaitingSessions([count, sessions]: readonly (string | null)[]): WaitingSessions {
  const waiting = /^\d{1,9}$/.test(count ?? '') ? Number(count) : 0
  return { waiting, sessions: waiting === 0 ? [] : (sessions ?? '').split(' ', 50).filter((each) => each !== '') }
}

/** Who wants to know of the sessions of one host that wait. */
export interface SyncWaitListener {
  /** A check of the host, as a writable one, was answered: whether one more question is worth its round trip now. */
  isWanted(): boolean
  seen(sessions: WaitingSessions): void
  /** The connection had to be given up while the question was on its way. */
  unanswered(): void
}

type ProbeDriver = Pick<Driver<unknown, unknown>, 'openProbe' | 'classify'>

/**
 * The driver, whose probe connections ask for waiting sessions as well, after a check was answered and only if that is wanted. The
 * next check of the connection comes after it. A server that does not answer it is asked once for each connection.
 */
export function askingSyncWaits(driver: ProbeDriver, listener: SyncWaitListener): ProbeDriver {
  return {
    classify: (error, phase) => driver.classify(error, phase),
    openProbe: (spec, options) => new AskingProbe(driver, spec, options, listener),
  }
}

class AskingProbe implements ProbeConnection {
  readonly #connection: ProbeConnection
  readonly #driver: ProbeDriver
  readonly #options: ProbeOptions
  readonly #listener: SyncWaitListener
  #question: Promise<void> | undefined
  #isRefused = false
  #isDestroyed = false
  /** A check waits for the answer to the question. */
  #isAwaited = false

  constructor(driver: ProbeDriver, spec: HostSpec, options: ProbeOptions, listener: SyncWaitListener) {
    this.#driver = driver
    this.#options = options
    this.#listener = listener
    this.#connection = driver.openProbe(spec, options)
  }

  get isLoggedIn(): boolean {
    return this.#connection.isLoggedIn
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    if (this.#question !== undefined) {
      this.#isAwaited = true
      await this.#question
      this.#isAwaited = false
    }
    const row = await this.#connection.query(sql)
    const isWritable = sql.startsWith(ROLE_ONLY_QUERY) && row[0] === 'false'
    if (isWritable && !this.#isRefused && this.#listener.isWanted()) this.#question = this.#ask()
    return row
  }

  destroy(): void {
    this.#isDestroyed = true
    // A connection that is left for a fresh one may have a question on its way that nobody has waited for.
    if (this.#isAwaited) this.#listener.unanswered()
    this.#connection.destroy()
  }

  async #ask(): Promise<void> {
    try {
      const sessions = readWaitingSessions(await this.#connection.query(SYNC_WAIT_QUERY))
      if (!this.#isDestroyed) this.#listener.seen(sessions)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#question = undefined
    }
  }

  /** Nobody else was asking: whose connection this is learns of its end here. */
  #failed(error: unknown): void {
    this.#isRefused = true
    const isLost = retiresConnection(error, this.#driver.classify(error, 'session'))
    if (isLost && !this.#isDestroyed) this.#options.onLost(toError(error))
  }
}
