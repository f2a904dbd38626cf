import type pg from 'pg'
import type { ProbeConnection, ProbeOptions } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { PgPoolOptions, Ssl, TlsChoice } from './config.ts'
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
      const result = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
      return result.rows[0] ?? []
    } finally {
      this.#busy = false
    }
  }

  destroy(): void {
    this.#destroyed = true
    this.#client?.connection.stream.destroy(new Error('The probe connection was destroyed'))
  }

  async #connect(): Promise<GuardedClient> {
    const { ssl } = this.#tls
    const client = new (guardedClientClass(this.#module))(this.#config(ssl))
    this.#client = client
    try {
      if (this.#options.hold === 'nothing') unref(client)
      await client.connect()
      this.#isLoggedIn = true
      return client
    } catch (error) {
      if (!this.#destroyed && this.#tls.fallBack(error, ssl)) return this.#connect()
      throw error
    }
  }

  #config(ssl: Ssl): GuardedConfig {
    const { lookup } = this.#options
    const { application_name: name = 'hasql' } = clientConfig(this.#spec, this.#given, ssl, lookup)
    return {
      ...clientConfig(this.#spec, probeSettings(this.#given), ssl, lookup),
      application_name: `${name} probe`,
      [guardKey]: this.#guard(),
    }
  }

  #guard(): ClientGuard {
    return {
      hostId: this.#spec.hostId,
      // The monitor has a deadline of its own for connecting and asking.
      connectTimeoutMs: 0,
      mayPassOn: false,
      born: () => undefined,
      failed: (_connection, error) => {
        if (!this.#busy && !this.#destroyed) this.#options.onLost(error)
      },
      hinted: () => this.#options.onHint(),
      gone: () => undefined,
    }
  }
}

/** Of the caller's settings a probe takes what is needed to get in; timeouts and parsers are for the caller's queries. */
function probeSettings({ ssl, password, options, keepAlive, stream }: PgPoolOptions): PgPoolOptions {
  return {
    ...(ssl === undefined ? {} : { ssl }),
    ...(password === undefined ? {} : { password }),
    ...(options === undefined ? {} : { options }),
    ...(keepAlive === undefined ? {} : { keepAlive }),
    ...(stream === undefined ? {} : { stream }),
  }
}

function unref(client: pg.Client & { unref?: () => void }): void {
  client.connection.stream.once('connect', () => client.unref?.())
}
