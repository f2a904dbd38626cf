import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { describeHost, isOlderEvidence } from './describe-host.ts'
import { followMaster } from './following.ts'
import type { HostDescription } from './host-description.ts'
import { detachmentOf, isAnswering, lastAnswerOf } from './host-description.ts'
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
  // Of several masters none is the one to follow, or to be behind of.
  const followed = rules.multiMaster ? ranked.hosts : followMaster(ranked.hosts, before.hosts, seen)
  const wal = rules.multiMaster ? before.wal : recordWal(before.wal, seen, known, followed)
  const hosts = new Map<HostId, HostDescription>()
  for (const [hostId, unmeasured] of followed) {
    const host = withLag(unmeasured, wal, hostId === seen.hostId)
    const isNewlyLeft = isLeftBehind(host, ranked.fencing) && !isLeftBehind(before.hosts.get(hostId), before.fencing)
    hosts.set(hostId, settle(before.hosts.get(hostId), host, seen.atMs, isNewlyLeft))
  }
  const draft = { revision: before.revision + 1, hosts, fencing: ranked.fencing, wal }
  const masterless = masters({ ...draft, masterlessSinceMs: undefined }).length === 0
  return Object.freeze({
    ...draft,
    masterlessSinceMs: masterless ? (before.masterlessSinceMs ?? seen.atMs) : undefined,
  })
}

/** Measured with each answer, and for want of anything better with that of the master; of no use once it does not follow. */
function withLag(host: HostDescription, wal: Wal, isSeen: boolean): HostDescription {
  if (!isAnswering(host)) return host
  if (!isSeen && host.lag !== undefined && detachmentOf(host) === undefined) return host
  const lag = lagOf(host, wal)
  return lag === host.lag ? host : { ...host, lag }
}

/** Dates the change of state, and starts a new generation of connections where the old ones are void. */
function settle(
  before: HostDescription | undefined,
  after: HostDescription,
  atMs: Milliseconds,
  isNewlyLeft: boolean,
): HostDescription {
  if (before === undefined || (before === after && !isNewlyLeft)) return after
  const sinceMs = before.kind === after.kind ? before.sinceMs : atMs
  const generation = before.generation + (isNewlyLeft || voidsConnections(before, after) ? 1 : 0)
  return Object.freeze({ ...after, sinceMs, generation })
}

/** Whether connections made before this change are of no use: the host is gone, fenced, demoted, or began another life. */
function voidsConnections(before: HostDescription, after: HostDescription): boolean {
  if (before.kind !== after.kind && isVoidKind(after.kind)) return true
  const said = lastAnswerOf(before)
  if (said === undefined || !isAnswering(after)) return false
  const restarted = said.incarnation !== undefined && said.incarnation !== after.answer.incarnation
  return restarted || (!said.inRecovery && after.answer.inRecovery)
}

function isVoidKind(kind: HostDescription['kind']): boolean {
  return kind === 'unreachable' || kind === 'stale-master' || kind === 'foreign-cluster' || kind === 'rival-master'
}
