import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { describeHost, isOlderEvidence } from './describe-host.ts'
import { voidsOlder } from './endpoint.ts'
import type { HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'
import { lagOf } from './lag.ts'
import { isLeftBehind } from './left-behind.ts'
import type { HostObservation } from './observation.ts'
import { rank, rankMultiMaster } from './rank.ts'
import type { Topology } from './topology.ts'
import { masters } from './topology.ts'
import type { Wal } from './wal.ts'
import { recordWal } from './wal.ts'

/** How the reducer treats several writable hosts. */
export interface ReduceRules {
  readonly multiMaster: boolean
}

/**
 * The next snapshot after an observation; the very same object when the observation is old or says nothing new.
 * Pure: what follows from a change is derived by `diffTopology`.
 */
export function reduceTopology(before: Topology, seen: HostObservation, rules: ReduceRules): Topology {
  const known = before.hosts.get(seen.hostId)
  if (known === undefined || isOlderEvidence(known, seen)) return before
  const described = describeHost(known, seen)
  if (described === known) return before
  const reported = new Map(before.hosts).set(seen.hostId, described)
  const ranked = (rules.multiMaster ? rankMultiMaster : rank)(reported, before.fencing)
  // Of several masters none is the one to be behind of.
  const wal = rules.multiMaster ? before.wal : recordWal(before.wal, seen, known, ranked.hosts)
  const hosts = new Map<HostId, HostDescription>()
  for (const [hostId, unmeasured] of ranked.hosts) {
    const host = withLag(unmeasured, wal, hostId === seen.hostId)
    const isNewlyLeft = isLeftBehind(host, ranked.fencing) && !isLeftBehind(before.hosts.get(hostId), before.fencing)
    const isElsewhere = hostId === seen.hostId && leadsElsewhere(known, host, seen, rules)
    hosts.set(hostId, settle(before.hosts.get(hostId), host, seen.atMs, isNewlyLeft || isElsewhere))
  }
  const draft = { revision: before.revision + 1, hosts, fencing: ranked.fencing, wal }
  const masterless = masters({ ...draft, masterlessSinceMs: undefined }).length === 0
  return Object.freeze({
    ...draft,
    masterlessSinceMs: masterless ? (before.masterlessSinceMs ?? seen.atMs) : undefined,
  })
}

/** Measured with each answer, and for want of anything better with that of the master. */
function withLag(host: HostDescription, wal: Wal, isSeen: boolean): HostDescription {
  if (!isAnswering(host) || (!isSeen && host.lag !== undefined)) return host
  const lag = lagOf(host, wal)
  return lag === host.lag ? host : { ...host, lag }
}

/** Dates the change of state, and starts a new generation of connections where the old ones are void. */
function settle(
  before: HostDescription | undefined,
  after: HostDescription,
  atMs: Milliseconds,
  areOldVoid: boolean,
): HostDescription {
  if (before === undefined || (before === after && !areOldVoid)) return after
  const sinceMs = before.kind === after.kind ? before.sinceMs : atMs
  const areVoid = areOldVoid || (before.kind !== after.kind && isVoidKind(after.kind))
  return Object.freeze({ ...after, sinceMs, generation: before.generation + (areVoid ? 1 : 0) })
}

/** Whether connections made before an answer may lead to another server than it came from, and are of no use for that. */
function leadsElsewhere(
  before: HostDescription,
  after: HostDescription,
  seen: HostObservation,
  { multiMaster }: ReduceRules,
): boolean {
  if (seen.kind !== 'answered' || !isAnswering(after)) return false
  return voidsOlder(before, after, seen.isFirst === true, multiMaster)
}

/** On a host that is gone, fenced, or one of two masters, no connection made before is of use. */
function isVoidKind(kind: HostDescription['kind']): boolean {
  return kind === 'unreachable' || kind === 'stale-master' || kind === 'foreign-cluster' || kind === 'rival-master'
}
