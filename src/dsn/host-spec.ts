declare const hostIdBrand: unique symbol

/** Identifies one host of a DSN: `host:port`, IPv6 in brackets, a socket as its path. Never holds a credential. */
export type HostId = string & { readonly [hostIdBrand]: 'HostId' }

/** libpq's `sslmode` (PostgreSQL documentation, 34.19.1 "SSL Support: Client Verification of Server Certificates"). */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** How one host wants its TLS; file names are not read before a connection is made. */
export interface TlsSpec {
  readonly mode: SslMode
  /** True when the DSN, a service file or the environment named the mode; false for the built-in `prefer`. */
  readonly modeIsGiven: boolean
  /** `postgres`: ask with SSLRequest first; `direct`: start the handshake at once (PostgreSQL 17+). */
  readonly negotiation: 'postgres' | 'direct'
  /** Path of the root certificates, or `system` for those Node trusts. */
  readonly rootCert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly revocationList: string | undefined
  readonly minVersion: string | undefined
  readonly maxVersion: string | undefined
  /** False when `sslsni=0`. */
  readonly sendServerName: boolean
  /** Reads `sslpassword`; a function, so that no dump of the object shows it. */
  readonly readKeyPassword: () => string | undefined
  /** Files in the user's own folder that are used if they exist and the parameter is not given, as libpq does. */
  readonly defaultFiles?: TlsDefaultFiles | undefined
}

/** libpq's `~/.postgresql`: `root.crt`, `root.crl`, `postgresql.crt`, `postgresql.key`. */
export interface TlsDefaultFiles {
  readonly rootCert: string
  readonly revocationList: string
  readonly cert: string | undefined
  readonly key: string | undefined
}

/**
 * All a driver needs to connect to one host.
 *
 * Immutable. Credentials are behind functions, so printing, serialising or logging a spec shows none.
 */
export interface HostSpec {
  readonly hostId: HostId
  /** Host name or IP as written, the socket's folder (starts with `/`), or an abstract socket (starts with `@`). */
  readonly host: string
  /** `hostaddr`: the IP to dial instead of looking `host` up; `host` still names the certificate. */
  readonly hostAddress: string | undefined
  readonly port: number
  readonly database: string
  readonly user: string
  /** The password for this host: from the DSN, the environment, or the password file, looked up at each call. */
  readonly readPassword: () => string | undefined
  readonly tls: TlsSpec
  readonly applicationName: string | undefined
  /** libpq's `options`: command-line options sent to the server at start, for example `-c statement_timeout=5s`. */
  readonly serverOptions: string | undefined
  /** `connect_timeout` of the DSN in milliseconds; undefined when not given or ≤ 0. */
  readonly connectTimeoutMs: number | undefined
  readonly keepAlive: boolean
  readonly keepAliveIdleMs: number | undefined
}

/** A list that is known to have at least one item. */
export type NonEmpty<T> = readonly [T, ...T[]]
