import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freezeAll, killAll, removeSegment, thawAll } from './freezing.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { Postmaster } from './postmaster.ts'
import type { ServerPlace } from './postmaster.ts'
import { processesUnder } from './processes.ts'
import { renderSettings } from './server-settings.ts'
import { withSession } from './sql.ts'
import type { SqlSession } from './sql.ts'
import { until } from './waiting.ts'

/** How a server is asked to stop; `pg_ctl stop`'s words. */
export type StopMode = 'fast' | 'immediate' | 'smart'

const stopSignals = { fast: 'SIGINT', immediate: 'SIGQUIT', smart: 'SIGTERM' } as const

const STOP_TIMEOUT_MS = 30_000
const SQL_TIMEOUT_MS = 10_000

/** The server of one data folder: its processes, its configuration file, its socket. */
export class NodeServer {
  readonly place: ServerPlace
  readonly port: number
  readonly major: number
  readonly database: string
  readonly settings: Map<string, string | number | boolean>
  readonly #startTimeoutMs: number
  #postmaster: Postmaster | undefined
  #frozen = false
  #closed = false

  constructor(
    place: ServerPlace,
    about: { port: number; major: number; database: string; startTimeoutMs: number },
    settings: Iterable<readonly [string, string | number | boolean]>,
  ) {
    this.place = place
    this.port = about.port
    this.major = about.major
    this.database = about.database
    this.#startTimeoutMs = about.startTimeoutMs
    this.settings = new Map(settings)
  }

  isRunning(): boolean {
    return this.#postmaster?.running === true
  }

  isFrozen(): boolean {
    return this.#frozen && this.isRunning()
  }

  get pid(): number | undefined {
    return this.isRunning() ? this.#postmaster?.pid : undefined
  }

  async start(): Promise<void> {
    if (this.isRunning()) return
    // A postmaster that was killed alone leaves children who must be gone before the next one starts.
    await killAll(this.place.dataFolder)
    if (this.#closed) throw new PgClusterError('ERR_HASQL_TESTING_CLOSED', `${this.place.name}'s cluster is closed`)
    this.#frozen = false
    this.writeSettings()
    this.#postmaster = await Postmaster.launch(this.place, this.#startTimeoutMs)
  }

  async stop(mode: StopMode): Promise<void> {
    const postmaster = this.#postmaster
    if (postmaster?.running !== true) return
    this.thaw()
    postmaster.signal(stopSignals[mode])
    await postmaster.waitUntilEnded(STOP_TIMEOUT_MS)
    await until('its processes have ended', STOP_TIMEOUT_MS, () => this.#areGone(), 2)
  }

  async kill(): Promise<void> {
    await killAll(this.place.dataFolder)
    await this.#postmaster?.waitUntilEnded(STOP_TIMEOUT_MS)
    await removeSegment(this.place.dataFolder, this.place.runFolder)
    this.#frozen = false
  }

  /** Ends for good. An immediate stop gives the shared memory back, which a kill cannot. */
  async close(): Promise<void> {
    this.#closed = true
    const postmaster = this.#postmaster
    if (postmaster?.running === true) {
      this.thaw()
      postmaster.signal('SIGQUIT')
      await postmaster.waitUntilEnded(2_000).catch(() => undefined)
    }
    await this.kill()
  }

  async freeze(): Promise<void> {
    if (!this.isRunning()) return
    this.#frozen = true
    await freezeAll(this.place.dataFolder)
  }

  freezePostmaster(): void {
    if (!this.isRunning()) return
    this.#frozen = true
    this.#postmaster?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#frozen = false
    thawAll(this.place.dataFolder)
  }

  async killBackend(pid: number): Promise<void> {
    const mine = processesUnder(this.place.dataFolder).some((each) => each.pid === pid && pid !== this.pid)
    if (!mine) throw new PgClusterError('ERR_HASQL_TESTING_STATE', `${pid} is no process of ${this.place.name}`)
    process.kill(pid, 'SIGKILL')
    await until('the backend has ended', STOP_TIMEOUT_MS, () => this.#areGone(pid), 2)
  }

  /** Runs `work` on a connection of its own, as superuser. */
  async session<T>(work: (session: SqlSession) => Promise<T>, timeoutMs: number = SQL_TIMEOUT_MS): Promise<T> {
    if (!this.isRunning()) throw new PgClusterError('ERR_HASQL_TESTING_STATE', `${this.place.name} is not running`)
    const { name, runFolder: socketFolder } = this.place
    return withSession({ name, socketFolder, port: this.port, database: this.database }, timeoutMs, work)
  }

  writeSettings(): void {
    writeFileSync(join(this.place.dataFolder, 'postgresql.conf'), renderSettings(this.settings))
  }

  /** Makes the server read its settings again; resolves when new sessions have them. */
  async reload(): Promise<void> {
    this.writeSettings()
    if (!this.isRunning() || this.isFrozen()) return this.#postmaster?.signal('SIGHUP')
    const loadTime = async (): Promise<string> =>
      this.session(async (session) => {
        const [row] = await session.query<{ at: string }>('select pg_conf_load_time()::text as at')
        return row?.at ?? ''
      })
    const before = await loadTime()
    this.#postmaster?.signal('SIGHUP')
    await until('the settings are loaded', SQL_TIMEOUT_MS, async () =>
      (await loadTime()) === before ? undefined : true,
    )
  }

  log(): string {
    return readFileSync(this.place.logFile, 'utf8')
  }

  #areGone(pid?: number): true | undefined {
    const left = processesUnder(this.place.dataFolder)
    return left.some((each) => pid === undefined || each.pid === pid) ? undefined : true
  }
}
