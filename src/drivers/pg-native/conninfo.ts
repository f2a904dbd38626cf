import { isSocketHost } from '../../dsn/host-id.ts'
import type { HostSpec, TlsSpec } from '../../dsn/host-spec.ts'
import { addressesOf } from '../../network/addresses.ts'
import type { SocketLookup } from '../../network/lookup.ts'
import type { PgNativePoolOptions } from './options.ts'

/** libpq waits in whole seconds, and takes one for two (PostgreSQL documentation, "connect_timeout"). */
const LEAST_TIMEOUT_S = 2

/** What libpq is told of a host. Parameters that are left out it takes from the environment, so what matters is always there. */
export async function conninfoOf(
  spec: HostSpec,
  given: PgNativePoolOptions,
  { connectTimeoutMs, lookup }: { readonly connectTimeoutMs: number; readonly lookup: SocketLookup },
): Promise<string> {
  const { host, port, user, database } = spec
  const addresses = await numbersOf(spec, lookup)
  const password = await passwordOf(spec, given)
  return write({
    // Of several addresses each has the name beside it, which TLS checks.
    host: addresses.length > 1 ? addresses.map(() => host).join(',') : host,
    hostaddr: addresses.join(','),
    port: String(port),
    user,
    dbname: database,
    password,
    ...tlsParameters(spec.tls),
    application_name: given.application_name ?? spec.applicationName ?? '',
    options: serverOptions(spec, given),
    client_encoding: 'UTF8',
    keepalives: (given.keepAlive ?? spec.keepAlive) ? '1' : '0',
    keepalives_idle: secondsOf(given.keepAliveInitialDelayMillis ?? spec.keepAliveIdleMs),
    connect_timeout: String(Math.max(LEAST_TIMEOUT_S, Math.ceil(connectTimeoutMs / 1000))),
    // hasql looks at the roles itself, and has no GSSAPI.
    target_session_attrs: 'any',
    gssencmode: 'disable',
  })
}

/** libpq's own resolver would hold a thread of the process, and knows nothing of the addresses that a name had last. */
async function numbersOf({ host, hostAddress }: HostSpec, lookup: SocketLookup): Promise<readonly string[]> {
  if (hostAddress !== undefined) return [hostAddress]
  if (isSocketHost(host)) return []
  return (await addressesOf(host, lookup)).map(({ address }) => address)
}

async function passwordOf(spec: HostSpec, { password }: PgNativePoolOptions): Promise<string | undefined> {
  if (typeof password !== 'function') return password ?? spec.readPassword()
  const { host, port, user, database } = spec
  // `pg` calls it so, though its types say that it takes nothing.
  const made: unknown = await Reflect.apply(password, undefined, [{ host, port, user, database }])
  if (typeof made !== 'string') throw new TypeError('The function password must return a string')
  return made
}

function tlsParameters(tls: TlsSpec): Readonly<Record<string, string | undefined>> {
  return {
    sslmode: tls.mode,
    // libpq knows this one from version 17 on, and sslsni from 14 on.
    sslnegotiation: tls.negotiation === 'direct' ? 'direct' : undefined,
    sslsni: tls.sendServerName ? undefined : '0',
    sslrootcert: tls.rootCert,
    sslcert: tls.cert,
    sslkey: tls.key,
    sslpassword: tls.readKeyPassword(),
    sslcrl: tls.revocationList,
    ssl_min_protocol_version: tls.minVersion,
    ssl_max_protocol_version: tls.maxVersion,
  }
}

/** Settings that `pg` sends when it connects; libpq has them sent with its `options`. */
const TIMEOUTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'] as const

/** libpq has no parameters of its own for these, so that they go to the server in the command line of the session. */
export function serverOptions(spec: HostSpec, given: PgNativePoolOptions): string {
  const timeouts = TIMEOUTS.flatMap((name) => {
    const value = given[name]
    return value === undefined || value === false || value === 0 ? [] : [`-c ${name}=${String(value)}`]
  })
  return [given.options ?? spec.serverOptions ?? '', ...timeouts].join(' ').trim()
}

function secondsOf(valueMs: number | undefined): string | undefined {
  return valueMs === undefined ? undefined : String(Math.ceil(valueMs / 1000))
}

function write(parameters: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(parameters)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}='${value.replaceAll(/[\\']/g, '\\$&')}'`]))
    .join(' ')
}
