import type pg from 'pg'
import type { ProbeConnection, ProbeOptions } from '../../driver/driver.ts'
import { untimed } from '../../driver/untimed.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { PgPoolOptions, TlsChoice } from './config.ts'
import { clientConfig } from './config.ts'
import { guardKey, guardedClientClass } from './guarded-client.ts'
import type { ClientGuard, GuardedClient, GuardedConfig, PgModule } from './guarded-client.ts'

/** hasql's reserved connection to one host, on a `pg.Client` of its own. */
export class PgProbe implements ProbeConnection {
  readonly #module: PgModule
  readonly #spec: HostSpec
  readonly #given: PgPoolOptions
  readonly #tls: TlsChoice
  readonly #options: ProbeOptions
  #client: GuardedClient | undefined
  #ready: Promise<GuardedClient> | undefined
  #busy = false
  #isLoggedIn = false
  #destroyed = false

  constructor(module: PgModule, spec: HostSpec, given: PgPoolOptions, tls: TlsChoice, options: ProbeOptions) {
    this.#module = module
    this.#spec = spec
    this.#given = given
    this.#tls = tls
    this.#options = options
  }

  get isLoggedIn(): boolean {
    return this.#isLoggedIn
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    this.#busy = true
    try {
      const client = await (this.#ready ??= this.#connect())
      const result = await client.query<(string | null)[]>({ text: this.#untimed(sql), rowMode: 'array' })
      // Of several statements `pg` has a list of results.
      const last: unknown = Array.isArray(result) ? result.at(-1) : result
      return isResult(last) ? (last.rows[0] ?? []) : []
    } finally {
      this.#busy = false
    }
  }

  destroy(): void {
    this.#destroyed = true
    this.#client?.connection.stream.destroy(new Error('The probe connection was destroyed'))
  }

  async #connect(): Promise<GuardedClient> {
    const { kind } = this.#tls
    const client = new (guardedClientClass(this.#module))(this.#config())
    this.#client = client
    try {
      if (this.#options.hold === 'nothing') unref(client)
      await client.connect()
      this.#isLoggedIn = true
      return client
    } catch (error) {
      if (!this.#destroyed && this.#tls.fallBack(error, kind)) return this.#connect()
      throw error
    }
  }

  #config(): GuardedConfig {
    const config = clientConfig(this.#spec, probeSettings(this.#given), this.#tls.ssl, this.#options.lookup)
    const { application_name: name = 'hasql' } = config
    return { ...config, application_name: `${name} probe`, [guardKey]: this.#guard() }
  }

  #untimed(sql: string): string {
    const { statement_timeout: timeout, options = this.#spec.serverOptions } = this.#given
    return untimed(sql, { timeout, options })
  }

  #guard(): ClientGuard {
    return {
      hostId: this.#spec.hostId,
      // The monitor has a deadline of its own for connecting and asking.
      connectTimeoutMs: 0,
      mayPassOn: false,
      readSsl: () => this.#tls.read(),
      born: () => undefined,
      failed: (_connection, error) => {
        if (!this.#busy && !this.#destroyed) this.#options.onLost(error)
      },
      hinted: () => this.#options.onHint(),
      gone: () => undefined,
    }
  }
}

/**
 * A probe logs in as the pool does, so that a host that lets it in is one that lets the caller in: with all of the caller's settings
 * but those that are for the caller's queries.
 */
function probeSettings(given: PgPoolOptions): PgPoolOptions {
  const forQueries = { query_timeout: undefined, types: undefined, pipeline: false, binary: false, Promise: undefined }
  return { ...given, ...forQueries }
}

function isResult(value: unknown): value is { readonly rows: readonly (readonly (string | null)[])[] } {
  return typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows)
}

function unref(client: pg.Client & { unref?: () => void }): void {
  client.connection.stream.once('connect', () => client.unref?.())
}
