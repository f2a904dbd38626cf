import { isSocketHost } from './host-id.ts'
import type { HostSpec, NonEmpty } from './host-spec.ts'
import type { LoadBalanceHosts, TargetSessionAttrs } from './settings.ts'

/** What a {@link Dsn} is made of. */
export interface DsnParts {
  readonly hosts: NonEmpty<HostSpec>
  readonly database: string
  readonly user: string
  /** What a request that names no role is content with; undefined when not given. */
  readonly targetSessionAttrs: TargetSessionAttrs | undefined
  readonly loadBalanceHosts: LoadBalanceHosts
  /** Whether a password was given, so that the printed form says so. */
  readonly passwordIsGiven: boolean
}

/**
 * A connection string that was read and checked: the hosts, and what to ask of them.
 *
 * ```ts
 * const dsn = parseDsn('postgresql://app:secret@db1,db2:6432/shop')
 * dsn.hosts.map((host) => host.hostId) // ['db1:6432', 'db2:6432']
 * String(dsn)                          // 'postgresql://app:***@db1:6432,db2:6432/shop'
 * ```
 * Immutable. However it is printed, inspected or serialised, it shows no password and no name of a password file.
 */
export class Dsn {
  readonly hosts: NonEmpty<HostSpec>
  readonly database: string
  readonly user: string
  /** What a request that names no role is content with; undefined when not given. */
  readonly targetSessionAttrs: TargetSessionAttrs | undefined
  readonly loadBalanceHosts: LoadBalanceHosts
  /** True when the connection string, its service or `PGPASSWORD` gave a password. */
  readonly passwordIsGiven: boolean

  constructor(parts: DsnParts) {
    this.hosts = parts.hosts
    this.database = parts.database
    this.user = parts.user
    this.targetSessionAttrs = parts.targetSessionAttrs
    this.loadBalanceHosts = parts.loadBalanceHosts
    this.passwordIsGiven = parts.passwordIsGiven
    Object.freeze(this)
  }

  /** The canonical URI: every port written out, `***` for the password, no file names, no `options`. */
  toString(): string {
    const password = this.passwordIsGiven ? ':***' : ''
    const userInfo = `${encodeURIComponent(this.user)}${password}@`
    const dialsAddresses = this.hosts.some((host) => host.hostAddress !== undefined)
    const authority = dialsAddresses ? '' : this.hosts.map(authorityItem).join(',')
    const query = queryOf([...(dialsAddresses ? hostParameters(this.hosts) : []), ...shownSettings(this)])
    return `postgresql://${userInfo}${authority}/${encodeURIComponent(this.database)}${query}`
  }

  /** The same as {@link toString}, like a `URL`. */
  toJSON(): string {
    return this.toString()
  }

  static {
    // What `console.log` shows. Declared types of computed names cannot be isolated, hence not a method.
    Object.defineProperty(Dsn.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: Dsn): string {
        return `Dsn(${this.toString()})`
      },
    })
  }
}

function authorityItem({ host, port }: HostSpec): string {
  if (isSocketHost(host)) return `${encodeURIComponent(host)}:${port}`
  return host.includes(':') ? `[${host.replaceAll('%', '%25')}]:${port}` : `${host}:${port}`
}

type Pair = readonly [name: string, value: string]

/** Beside `hostaddr` the hosts belong in the query. */
function hostParameters(hosts: NonEmpty<HostSpec>): readonly Pair[] {
  return [
    ['host', hosts.map(({ host }) => host).join(',')],
    ['hostaddr', hosts.map(({ hostAddress }) => hostAddress ?? '').join(',')],
    ['port', hosts.map(({ port }) => port).join(',')],
  ]
}

function shownSettings({ hosts: [first], targetSessionAttrs, loadBalanceHosts }: Dsn): readonly Pair[] {
  const pairs: Pair[] = []
  if (targetSessionAttrs !== undefined) pairs.push(['target_session_attrs', targetSessionAttrs])
  if (loadBalanceHosts !== 'disable') pairs.push(['load_balance_hosts', loadBalanceHosts])
  if (first.tls.modeIsGiven) pairs.push(['sslmode', first.tls.mode])
  return pairs
}

function queryOf(pairs: readonly Pair[]): string {
  if (pairs.length === 0) return ''
  return `?${pairs.map(([name, value]) => `${name}=${encodeValue(value)}`).join('&')}`
}

/** Commas and slashes need no escape in a query, and lists read better without. */
function encodeValue(value: string): string {
  return encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%2F', '/')
}
