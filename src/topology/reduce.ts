import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { describeHost, isOlderEvidence } from './describe-host.ts'
import { dismissClaims, endsRun, recordClaims } from './fencing.ts'
import { followMaster } from './following.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { detachmentOf, isAnswering, lastAnswerOf } from './host-description.ts'
import { lagOf } from './lag.ts'
import { isLeftBehind } from './left-behind.ts'
import type { TopologyInput } from './observation.ts'
import type { Ranked } from './rank.ts'
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
export function reduceTopology(before: Topology, seen: TopologyInput, rules: ReduceRules): Topology {
  const known = before.hosts.get(seen.hostId)
  if (known === undefined) return before
  if (seen.kind === 'accepted') return rules.multiMaster ? before : acceptMaster(before, known, seen.atMs)
  if (isOlderEvidence(known, seen)) return before
  const described = describeHost(known, seen)
  if (described === known && !endsRun(seen, before.fencing)) return before
  const reported = new Map(before.hosts).set(seen.hostId, described)
  if (rules.multiMaster) {
    // Of several masters none is the one to follow, or to be behind of, and none is fenced.
    return nextSnapshot(before, rankMultiMaster(reported, before.fencing), before.wal, seen)
  }
  const ranked = rank(reported, recordClaims(before.fencing, seen, reported))
  const hosts = followMaster(ranked.hosts, before.hosts, seen)
  return nextSnapshot(before, { ...ranked, hosts }, recordWal(before.wal, seen, known, hosts), seen)
}

/** The next snapshot after an operator said that a host is the master; the very same object when it is, and nobody claims more. */
function acceptMaster(before: Topology, host: HostDescription, atMs: Milliseconds): Topology {
  if (!isAcceptable(host)) return before
  const { hostId } = host
  const memory = dismissClaims(before.fencing, hostId, atMs, before.hosts)
  const isKnown = host.kind === 'master' && memory.accepted?.dismissed.length === 0
  return isKnown ? before : nextSnapshot(before, rank(before.hosts, memory, hostId), before.wal, { hostId, atMs })
}

/** Whether a host can be accepted as master: its last check was answered, and says that it takes the cluster's writes. */
export function isAcceptable(host: HostDescription): host is AnsweringHost {
  if (!isAnswering(host) || host.suspicion !== undefined || host.kind === 'foreign-cluster') return false
  return !host.answer.inRecovery && !host.answer.readOnlyDefault
}

function nextSnapshot(
  before: Topology,
  { hosts: unmeasured, fencing }: Ranked,
  wal: Wal,
  seen: Pick<TopologyInput, 'hostId' | 'atMs'>,
): Topology {
  const hosts = new Map<HostId, HostDescription>()
  for (const [hostId, ranked] of unmeasured) {
    const host = withLag(ranked, wal, hostId === seen.hostId)
    const isNewlyLeft = isLeftBehind(host, fencing) && !isLeftBehind(before.hosts.get(hostId), before.fencing)
    hosts.set(hostId, settle(before.hosts.get(hostId), host, seen.atMs, isNewlyLeft))
  }
  const draft = { revision: before.revision + 1, hosts, fencing, wal }
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
