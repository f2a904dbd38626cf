import { Dsn } from './dsn.ts'
import { DsnError } from './dsn-error.ts'
import { MAX_HOSTS } from './host-list.ts'
import type { HostId, HostSpec, NonEmpty } from './host-spec.ts'

const SHARED_SETTINGS = ['database', 'user', 'targetSessionAttrs', 'loadBalanceHosts'] as const

/**
 * Joins the hosts of several connection strings, in order; a host named twice counts once. What holds for all hosts
 * must be the same in each string; passwords and TLS settings stay with the hosts they were given for.
 */
export function mergeDsns(dsns: NonEmpty<Dsn>): Dsn {
  const [first, ...others] = dsns
  for (const [index, other] of others.entries()) refuseConflict(first, other, index + 2)
  const hosts = new Map<HostId, HostSpec>()
  for (const dsn of dsns) for (const host of dsn.hosts) addHost(hosts, host)
  if (hosts.size > MAX_HOSTS) throw new DsnError('too-many-hosts', `more than ${MAX_HOSTS} hosts`)
  return new Dsn({
    hosts: frozenHosts([...hosts.values()]),
    database: first.database,
    user: first.user,
    targetSessionAttrs: first.targetSessionAttrs,
    loadBalanceHosts: first.loadBalanceHosts,
    passwordIsGiven: dsns.some((dsn) => dsn.passwordIsGiven),
  })
}

/** Freezes a list of hosts that cannot be empty. */
export function frozenHosts(hosts: readonly HostSpec[]): NonEmpty<HostSpec> {
  const [first, ...others] = hosts
  if (first === undefined) throw new DsnError('empty-list', 'no hosts')
  const list: NonEmpty<HostSpec> = [first, ...others]
  return Object.freeze(list)
}

function refuseConflict(first: Dsn, other: Dsn, ordinal: number): void {
  const setting = SHARED_SETTINGS.find((name) => first[name] !== other[name])
  if (setting === undefined) return
  throw new DsnError('conflicting-list', `${setting} of item ${ordinal} of the list differs from that of item 1`)
}

function addHost(hosts: Map<HostId, HostSpec>, host: HostSpec): void {
  const known = hosts.get(host.hostId)
  if (known === undefined) {
    hosts.set(host.hostId, host)
  } else if (JSON.stringify(known) !== JSON.stringify(host)) {
    throw new DsnError('conflicting-list', 'the list names a host twice, with different settings')
  }
}
