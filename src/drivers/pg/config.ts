import type pg from 'pg'
import type { HostSpec } from '../../dsn/host-spec.ts'
import { TlsFiles } from '../../dsn/tls-files.ts'
import { nodeTlsOptions } from '../../dsn/tls-options.ts'
import type { SocketLookup } from '../../network/lookup.ts'
import { NamedSocket } from './named-socket.ts'

/**
 * `pg.Pool`'s own settings, without those that the DSN decides.
 *
 * `ssl` and `password`, when given, replace what the DSN says for every host; `password` may be a function, which `pg`
 * calls with the host, port and user for each connection (for tokens that expire). `stream`, when given, makes the sockets
 * of pool and probes alike (tunnels, cloud connectors); names are looked up as these sockets do it.
 */
export type PgPoolOptions = Omit<
  pg.PoolConfig,
  'connectionString' | 'host' | 'port' | 'user' | 'database' | 'Client' | 'connectionTimeoutMillis' | 'allowExitOnIdle'
>

export type Ssl = NonNullable<pg.ClientConfig['ssl']>

/** What `pg` reports, without a code, when the server answered `N` to the request for TLS. */
const NO_TLS = 'The server does not support SSL connections'

/**
 * Which of plain and TLS a host's connections use now.
 *
 * `prefer` starts with TLS and falls back to plain only when the server itself says that it has no TLS, never after a
 * failed handshake; `allow` starts plain and goes to TLS when the server refuses the plain connection (28000). What was
 * learnt holds for the host as long as the manager lives.
 */
export class TlsChoice {
  #kind: 'plain' | 'encrypted'
  #other: 'plain' | 'encrypted' | undefined
  #last: Ssl
  readonly #spec: HostSpec
  readonly #given: Ssl | undefined
  readonly #files: TlsFiles

  /** @throws {DsnError} a file that the DSN names is not there. */
  constructor(spec: HostSpec, given: Ssl | undefined) {
    this.#spec = spec
    this.#given = given
    this.#files = new TlsFiles(spec)
    const startsPlain = spec.tls.mode === 'allow' && given === undefined
    this.#kind = startsPlain ? 'plain' : 'encrypted'
    if (given === undefined && spec.tls.mode === 'prefer') this.#other = 'plain'
    if (startsPlain) this.#other = 'encrypted'
    this.#last = given ?? nodeTlsOptions(spec) ?? false
  }

  /** What is tried now; for `fallBack`. */
  get kind(): 'plain' | 'encrypted' {
    return this.#kind
  }

  /**
   * The settings for one new connection: what was renewed of certificates, keys and lists is read again.
   * @throws {DsnError | CertificateError} the files are not there or cannot be used now.
   */
  read(): Ssl {
    if (this.#kind === 'plain') return false
    return (this.#last = this.#given ?? this.#files.options() ?? false)
  }

  /** The same for whoever must not meet an error: the last settings that could be read. */
  get ssl(): Ssl {
    try {
      return this.read()
    } catch {
      return this.#last
    }
  }

  /** Whether an attempt of this kind that failed with `error` is to be repeated the other way. */
  fallBack(error: unknown, attempted: 'plain' | 'encrypted'): boolean {
    if (!this.#asksForTheOther(error)) return false
    if (this.#kind !== attempted) return true
    if (this.#other === undefined) return false
    this.#kind = this.#other
    this.#other = undefined
    return true
  }

  #asksForTheOther(error: unknown): boolean {
    if (!(error instanceof Error)) return false
    if (this.#spec.tls.mode === 'prefer') return error.message === NO_TLS
    return 'code' in error && error.code === '28000'
  }
}

/** Whether the error is one of `pg`'s about TLS that carry no code. */
export function isTlsRefusal(error: Error): boolean {
  return error.message === NO_TLS || error.message === 'There was an error establishing an SSL connection'
}

/** What `pg` needs to reach one host; nothing is left for it to read from the environment. */
export function clientConfig(spec: HostSpec, options: PgPoolOptions, ssl: Ssl, lookup: SocketLookup): pg.ClientConfig {
  return {
    stream: () => new NamedSocket(lookup),
    keepAlive: spec.keepAlive,
    ...(spec.keepAliveIdleMs === undefined ? {} : { keepAliveInitialDelayMillis: spec.keepAliveIdleMs }),
    ...(spec.applicationName === undefined ? {} : { application_name: spec.applicationName }),
    ...(spec.serverOptions === undefined ? {} : { options: spec.serverOptions }),
    ...options,
    host: spec.hostAddress ?? spec.host,
    port: spec.port,
    user: spec.user,
    database: spec.database,
    password: options.password ?? readPassword(spec),
    ssl,
    ...(spec.tls.negotiation === 'direct' && ssl !== false ? { sslnegotiation: 'direct' } : {}),
  }
}

/** `pg` asks for the password only when the server wants one; it takes none at all for an empty string. */
function readPassword(spec: HostSpec): () => string {
  return () => spec.readPassword() ?? ''
}
