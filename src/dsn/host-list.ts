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
  const items = ports.map((port, index): Item => {
    const hostAddress = checkAddress(addresses?.[index] ?? '', parameters)
    const name = checkName(names?.[index] ?? '', index, parameters)
    return { host: name ?? hostAddress ?? findDefaultHost(), hostAddress, port }
  })
  return withoutRepetitions(items)
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
  if (isSocketHost(name) ? !/\p{Control}/u.test(name) : isHostName(name)) return name
  const given = parameters.get('host')
  const origin = given === undefined ? '' : originOf('host', given)
  const message = `host${origin} has an item that is no host name, IP address or absolute folder of a socket`
  const position = given?.authorityPositions?.[index] ?? given?.position
  throw new DsnError('bad-host', message, { position, parameter: 'host' })
}

/** Anything else than letters, digits, dots and dashes is a typo, and may be a password. */
function isHostName(name: string): boolean {
  if (name.includes(':')) return isIpAddress(name)
  return /^[\w.-]+$/.test(name) || /^[\w.\p{Letter}\p{Number}\p{Mark}-]+$/u.test(name)
}

/** A host of the list before repetitions are dropped. */
interface Item {
  readonly host: string
  readonly hostAddress: string | undefined
  readonly port: number
}

/** Host names are compared without regard to case. Two addresses under one name and port are told apart by address. */
function withoutRepetitions(items: readonly Item[]): readonly HostAddress[] {
  const shared = placesWithSeveralAddresses(items)
  const hosts = new Map<string, HostAddress>()
  for (const { host, hostAddress, port } of items) {
    const isShared = hostAddress !== undefined && shared.has(placeOf(hostIdOf(host, port)))
    const hostId = hostIdOf(isShared ? hostAddress : host, port)
    const place = placeOf(hostId)
    if (!hosts.has(place)) hosts.set(place, { hostId, host, hostAddress, port })
  }
  return [...hosts.values()]
}

function placesWithSeveralAddresses(items: readonly Item[]): ReadonlySet<string> {
  const shared = new Set<string>()
  if (items.every(({ hostAddress }) => hostAddress === undefined)) return shared
  const addresses = new Map<string, string | undefined>()
  for (const { host, hostAddress, port } of items) {
    const place = placeOf(hostIdOf(host, port))
    if (addresses.has(place) && addresses.get(place) !== hostAddress) shared.add(place)
    addresses.set(place, hostAddress)
  }
  return shared
}

function placeOf(hostId: HostId): string {
  return isSocketHost(hostId) ? hostId : hostId.toLowerCase()
}
