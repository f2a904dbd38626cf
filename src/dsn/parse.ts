import { resolveContext } from './context.ts'
import type { DsnContext, ResolvedContext } from './context.ts'
import { withDefaults } from './defaults.ts'
import { Dsn } from './dsn.ts'
import { DsnError } from './dsn-error.ts'
import { isSocketHost } from './host-id.ts'
import { listHosts, MAX_HOSTS } from './host-list.ts'
import type { HostAddress } from './host-list.ts'
import type { HostSpec, TlsSpec } from './host-spec.ts'
import { frozenHosts, mergeDsns } from './merge.ts'
import { passwordReader } from './password.ts'
import { scanDsn } from './scan.ts'
import { readSettings } from './settings.ts'
import type { Settings } from './settings.ts'
import { readTlsSpec } from './tls-spec.ts'
import { refuseUnsupported } from './unsupported.ts'
import { textOf } from './values.ts'

/** What a manager takes as its connection string: a text, one already parsed, or a list whose hosts are joined. */
export type DsnInput = string | Dsn | readonly (string | Dsn)[]

/**
 * Reads a connection string as libpq does, with its environment variables, service file and password file.
 *
 * ```ts
 * const dsn = parseDsn('postgresql://app:secret@db1,db2,db3:6432/shop?target_session_attrs=primary')
 * dsn.hosts[0].port // 6432: a port behind the last host alone is everybody's
 * ```
 * Opens no connection. `context` replaces the environment and the file system, for tests and untrusted strings.
 *
 * @throws {DsnError} the string is malformed or asks for what is not supported; the message holds no secret.
 */
export function parseDsn(input: DsnInput, context: Partial<DsnContext> = {}): Dsn {
  if (input instanceof Dsn) return input
  const resolved = resolveContext(context)
  if (typeof input === 'string') return parseText(input, resolved)
  const list: unknown = input
  if (!Array.isArray(list)) throw notText()
  if (input.length > MAX_HOSTS) throw new DsnError('too-many-hosts', `a list of more than ${MAX_HOSTS} items`)
  const [first, ...others] = input.map((item) => parseItem(item, resolved))
  if (first === undefined) throw new DsnError('empty-list', 'the list is empty')
  return others.length === 0 ? first : mergeDsns([first, ...others])
}

function parseItem(item: unknown, context: ResolvedContext): Dsn {
  if (item instanceof Dsn) return item
  if (typeof item === 'string') return parseText(item, context)
  throw notText()
}

function notText(): DsnError {
  return new DsnError('not-a-string', 'expected a string, a Dsn, or a list of them')
}

function parseText(text: string, context: ResolvedContext): Dsn {
  const parameters = withDefaults(scanDsn(text), context)
  refuseUnsupported(parameters)
  const settings = readSettings(parameters, context)
  const tls = readTlsSpec(parameters, context.homeFiles?.certificateFolder)
  const readPasswordFor = passwordReader(parameters, context)
  const hosts = listHosts(parameters, context.findDefaultHost).map((address) =>
    hostSpec(address, settings, tlsFor(address, tls), readPasswordFor(address, settings)),
  )
  return new Dsn({
    hosts: frozenHosts(hosts),
    database: settings.database,
    user: settings.user,
    targetSessionAttrs: settings.targetSessionAttrs,
    loadBalanceHosts: settings.loadBalanceHosts,
    passwordIsGiven: textOf(parameters, 'password') !== undefined,
  })
}

function hostSpec(
  address: HostAddress,
  settings: Settings,
  tls: TlsSpec,
  readPassword: HostSpec['readPassword'],
): HostSpec {
  return Object.freeze({
    hostId: address.hostId,
    host: address.host,
    hostAddress: address.hostAddress,
    port: address.port,
    database: settings.database,
    user: settings.user,
    readPassword,
    tls,
    applicationName: settings.applicationName,
    serverOptions: settings.serverOptions,
    connectTimeoutMs: settings.connectTimeoutMs,
    keepAlive: settings.keepAlive,
    keepAliveIdleMs: settings.keepAliveIdleMs,
  })
}

/** TLS settings do not apply to a Unix socket. */
function tlsFor({ host, hostAddress }: HostAddress, tls: TlsSpec): TlsSpec {
  return hostAddress === undefined && isSocketHost(host) ? Object.freeze({ ...tls, mode: 'disable' }) : tls
}
