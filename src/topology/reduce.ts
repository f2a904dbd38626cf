import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { describeHost, isOlderEvidence } from './describe-host.ts'
import { voidsOlder } from './endpoint.ts'
import { dismissClaims, endsRun, recordClaims } from './fencing.ts'
import { followMaster } from './following.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { detachmentOf, isAnswering } from './host-description.ts'
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
  if (seen.kind === 'accepted') return rules.multiMaster ? before : acceptMaster(before, known, seen, rules)
  if (isOlderEvidence(known, seen)) return before
  const described = describeHost(known, seen)
  if (described === known && !endsRun(seen, before.fencing)) return before
  const reported = new Map(before.hosts).set(seen.hostId, described)
  if (rules.multiMaster) {
    // Of several masters none is the one to follow, or to be behind of, and none is fenced.
    return nextSnapshot(before, rankMultiMaster(reported, before.fencing), before.wal, seen, rules)
  }
  const ranked = rank(reported, recordClaims(before.fencing, seen, reported))
  const hosts = followMaster(ranked.hosts, before.hosts, seen)
  return nextSnapshot(before, { ...ranked, hosts }, recordWal(before.wal, seen, known, hosts), seen, rules)
}

/** The next snapshot after an operator said that a host is the master; the very same object when it is, and nobody claims more. */
function acceptMaster(before: Topology, host: HostDescription, seen: TopologyInput, rules: ReduceRules): Topology {
  if (!isAcceptable(host)) return before
  const { hostId, atMs } = seen
  const memory = dismissClaims(before.fencing, hostId, atMs, before.hosts)
  const isKnown = host.kind === 'master' && memory.accepted?.dismissed.length === 0
  return isKnown ? before : nextSnapshot(before, rank(before.hosts, memory, hostId), before.wal, seen, rules)
}

/** Whether a host can be accepted as master: its last check was answered, and says that it takes the cluster's writes. */
export function isAcceptable(host: HostDescription): host is AnsweringHost {
  if (!isAnswering(host) || host.kind === 'foreign-cluster') return false
  if (host.suspicion !== undefined && host.suspicion.fault !== 'path') return false
  return !host.answer.inRecovery && !host.answer.readOnlyDefault
}

function nextSnapshot(
  before: Topology,
  { hosts: unmeasured, fencing }: Ranked,
  wal: Wal,
  seen: TopologyInput,
  rules: ReduceRules,
): Topology {
  const hosts = new Map<HostId, HostDescription>()
  for (const [hostId, ranked] of unmeasured) {
    const host = withLag(ranked, wal, hostId === seen.hostId)
    const isNewlyLeft = isLeftBehind(host, fencing) && !isLeftBehind(before.hosts.get(hostId), before.fencing)
    const isElsewhere = hostId === seen.hostId && leadsElsewhere(before.hosts.get(hostId), host, seen, rules)
    hosts.set(hostId, settle(before.hosts.get(hostId), host, seen.atMs, isNewlyLeft || isElsewhere))
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
  areOldVoid: boolean,
): HostDescription {
  if (before === undefined || (before === after && !areOldVoid)) return after
  const sinceMs = before.kind === after.kind ? before.sinceMs : atMs
  const areVoid = areOldVoid || (before.kind !== after.kind && isVoidKind(after.kind))
  return Object.freeze({ ...after, sinceMs, generation: before.generation + (areVoid ? 1 : 0) })
}

/** Whether connections made before an answer may lead to another server than it came from, and are of no use for that. */
function leadsElsewhere(
  before: HostDescription | undefined,
  after: HostDescription,
  seen: TopologyInput,
  { multiMaster }: ReduceRules,
): boolean {
  if (before === undefined || seen.kind !== 'answered' || !isAnswering(after)) return false
  return voidsOlder(before, after, seen.isFirst === true, multiMaster)
}

/** On a host that is gone, fenced, or one of two masters, no connection made before is of use. */
function isVoidKind(kind: HostDescription['kind']): boolean {
  return kind === 'unreachable' || kind === 'stale-master' || kind === 'foreign-cluster' || kind === 'rival-master'
}
