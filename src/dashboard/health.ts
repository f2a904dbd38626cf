import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Level } from './view.ts'

/** The state of a cluster in one look. */
export interface Health {
  readonly level: Level
  readonly headline: string
  readonly detail: string
}

const FENCED: readonly HostDescription['kind'][] = ['stale-master', 'foreign-cluster']

/** The worst that is to be said of a topology, and who serves whom. */
export function healthOf(topology: Topology, closing: boolean): Health {
  const hosts = [...topology.hosts.values()]
  const detail = whoServes(topology)
  if (closing) return { level: 'info', headline: 'The manager is closed', detail: 'It leases no connections any more.' }
  if (hosts.every(({ kind }) => kind === 'unknown')) {
    return { level: 'info', headline: 'Looking for the hosts', detail: 'No host has answered yet.' }
  }
  if (hosts.some((host) => host.kind === 'rival-master' && host.implausible === undefined))
    return { level: 'bad', headline: 'Split brain', detail }
  if (topology.masterlessSinceMs !== undefined) return { level: 'bad', headline: 'No master', detail }
  const fenced = hosts.filter(({ kind }) => FENCED.includes(kind)).length
  if (fenced > 0) return { level: 'warn', headline: `${count(fenced, 'host')} fenced`, detail }
  const out = hosts.filter((host) => !isAnswering(host) || host.kind === 'rival-master').length
  if (out > 0) return { level: 'warn', headline: `${out} of ${count(hosts.length, 'host')} out of use`, detail }
  const doubted = hosts.filter(isSuspect).length
  if (doubted > 0) return { level: 'warn', headline: `${count(doubted, 'host')} being checked again`, detail }
  return { level: 'ok', headline: 'Healthy', detail }
}

/** Whether the host answered last time, and is in doubt now. */
export function isSuspect(host: HostDescription): boolean {
  return isAnswering(host) && host.suspicion !== undefined
}

function whoServes(topology: Topology): string {
  const writers = masters(topology).map(({ hostId }) => hostId)
  const readers = replicas(topology).length
  const writes = writers.length === 0 ? 'Writes wait for a master' : `${writers.join(', ')} takes the writes`
  const reads =
    readers === 0 ? 'no replica takes reads' : `${count(readers, 'replica')} ${readers === 1 ? 'takes' : 'take'} reads`
  return `${writes}; ${reads}.`
}

function count(size: number, what: string): string {
  return `${size} ${what}${size === 1 ? '' : 's'}`
}
