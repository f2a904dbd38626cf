import type { WireAnswer, WireBehaviour } from './wire-server.ts'
import { WireServer } from './wire-server.ts'

/**
 * An instance of Amazon Aurora, as far as checks can tell: a writer with the default settings raises 55000 for `pg_current_wal_lsn()`, a
 * reader 0A000 for the replay functions; `pg_is_in_recovery()` is right on both.
 */
export class AuroraInstance implements WireBehaviour, AsyncDisposable {
  isWriter: boolean
  /** Whether the functions of the control file are forbidden, too. */
  readonly hidesControlFile: boolean
  readonly #name: string
  #server: WireServer | undefined
  #lives = 0

  private constructor(name: string, isWriter: boolean, hidesControlFile: boolean) {
    this.#name = name
    this.isWriter = isWriter
    this.hidesControlFile = hidesControlFile
  }

  static async start(name: string, isWriter: boolean, hidesControlFile = false): Promise<AuroraInstance> {
    const instance = new AuroraInstance(name, isWriter, hidesControlFile)
    instance.#server = await WireServer.start(instance)
    return instance
  }

  get server(): WireServer {
    if (this.#server === undefined) throw new Error(`${this.#name} has not started`)
    return this.#server
  }

  answer(sql: string): WireAnswer {
    if (sql.includes('pg_control_') && this.hidesControlFile)
      return { code: '42501', message: 'permission denied for function pg_control_system' }
    if (sql.includes('pg_current_wal_lsn') && this.isWriter)
      return { code: '55000', message: 'WAL control functions cannot be executed when wal_level < logical' }
    if (sql.includes('pg_last_wal_replay_lsn'))
      return { code: '0A000', message: 'Function pg_last_wal_replay_lsn() is currently not supported in Aurora' }
    if (sql.includes('pg_postmaster_start_time')) {
      const systemId = this.hidesControlFile ? null : '7300000000000000001'
      return [systemId, `2026-01-01 00:00:0${this.#lives}+00`, '10.0.0.1', String(this.server.port)]
    }
    if (sql.includes('pg_is_in_recovery')) return [String(!this.isWriter), 'off']
    return sql.includes('who') ? [this.#name] : 'nothing'
  }

  /** It restarts, as instances do when the writer changes: all connections end, and nobody gets in before `back`. */
  async leave(): Promise<void> {
    await this.server.stop()
  }

  async back(isWriter: boolean): Promise<void> {
    this.isWriter = isWriter
    this.#lives += 1
    await this.server.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop()
  }
}
