import { DsnError } from './dsn-error.ts'
import { hostIdOf, isSocketHost } from './host-id.ts'
import type { HostId } from './host-spec.ts'
import { isIpAddress } from './ip-address.ts'
import type { GivenParameter, Parameters } from './parameters.ts'
import { portsFor } from './port-list.ts'
import { originOf } from './values.ts'

/** The most hosts one connection string may name. */
export const MAX_HOSTS = 64

/** One host of the list, checked. */
export interface HostAddress {
  readonly hostId: HostId
  readonly host: string
  readonly hostAddress: string | undefined
  readonly port: number
}

/**
 * Puts `host`, `hostaddr` and `port` together. `hostaddr`, if given, sets how many hosts there are and `host` must
 * match; an empty item is the default host. What is the same twice counts once.
 */
export function listHosts(parameters: Parameters, findDefaultHost: () => string): readonly HostAddress[] {
  const addresses = itemsOf(parameters.get('hostaddr'))
  const names = itemsOf(parameters.get('host'))
  const count = addresses?.length ?? names?.length ?? 1
  if (count > MAX_HOSTS) throw new DsnError('too-many-hosts', `more than ${MAX_HOSTS} hosts`)
  if (names !== undefined && names.length !== count) {
    const message = `${names.length} host names for ${count} hostaddr values: give one of each per host`
    throw new DsnError('host-count', message, { position: parameters.get('host')?.position, parameter: 'host' })
  }
  const ports = portsFor(count, parameters.get('port'))
  const hosts = ports.map((port, index): Omit<HostAddress, 'hostId'> => {
    const hostAddress = checkAddress(addresses?.[index] ?? '', parameters)
    const name = checkName(names?.[index] ?? '', index, parameters)
    return { host: name ?? hostAddress ?? findDefaultHost(), hostAddress, port }
  })
  return withoutRepetitions(hosts)
}

function itemsOf(given: GivenParameter | undefined): readonly string[] | undefined {
  return given === undefined || given.value === '' ? undefined : given.value.split(',')
}

function checkAddress(address: string, parameters: Parameters): string | undefined {
  if (address === '' || isIpAddress(address)) return address === '' ? undefined : address
  const given = parameters.get('hostaddr')
  const origin = given === undefined ? '' : originOf('hostaddr', given)
  const message = `hostaddr${origin} must be numeric IP addresses; a name belongs in host`
  throw new DsnError('bad-host-address', message, { position: given?.position, parameter: 'hostaddr' })
}

function checkName(name: string, index: number, parameters: Parameters): string | undefined {
  if (name === '') return undefined
  if (isSocketHost(name) ? !hasControlCharacter(name) : isHostName(name)) return name
  const given = parameters.get('host')
  const origin = given === undefined ? '' : originOf('host', given)
  const message = `host${origin} has an item that is no host name, IP address or absolute folder of a socket`
  const position = given?.authorityPositions?.[index] ?? given?.position
  throw new DsnError('bad-host', message, { position, parameter: 'host' })
}

/** Characters no host name has; a text that has one is a typo, and may be a password. */
function isHostName(name: string): boolean {
  if (name.includes(':')) return isIpAddress(name)
  return !hasControlCharacter(name) && !/[\s/\\@?#&=%'"<>[\](){}|^`$!*+;~]/.test(name)
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

type Unnamed = Omit<HostAddress, 'hostId'>

/** Host names are compared without regard to case. Two addresses under one name and port are told apart by address. */
function withoutRepetitions(hosts: readonly Unnamed[]): readonly HostAddress[] {
  const unique = new Map<string, Unnamed>()
  const sharing = new Map<string, number>()
  for (const host of hosts) {
    const key = `${placeOf(host)} ${host.hostAddress ?? ''}`
    if (unique.has(key)) continue
    unique.set(key, host)
    sharing.set(placeOf(host), (sharing.get(placeOf(host)) ?? 0) + 1)
  }
  const named = new Map<HostId, HostAddress>()
  for (const host of unique.values()) {
    const isShared = (sharing.get(placeOf(host)) ?? 0) > 1
    const hostId = hostIdOf(isShared && host.hostAddress !== undefined ? host.hostAddress : host.host, host.port)
    if (!named.has(hostId)) named.set(hostId, { ...host, hostId })
  }
  return [...named.values()]
}

function placeOf({ host, port }: Unnamed): string {
  return hostIdOf(isSocketHost(host) ? host : host.toLowerCase(), port)
}
