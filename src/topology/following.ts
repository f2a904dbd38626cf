import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { AnsweringHost, Detachment, Following, HostDescription } from './host-description.ts'
import { isAnswering, lastAnswerOf } from './host-description.ts'
import type { HostObservation, RoleAnswer } from './observation.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

/** Every replica loses its WAL receiver in a failover, for up to `wal_retrieve_retry_interval` (5 s by default). */
export const PATIENCE_MS = 10_000

/** A receiver whose master is on an older timeline is started again and again, and lives for some round trips. */
export const STEADY_MS = 1_000

/** A replica that restores from an archive goes on by whole segments; it may pause for this many of its longest pauses. */
const PAUSES = 2

/**
 * What can be seen of the replicas' following the master after an observation (law 18). `hosts` are ranked; `before` is what
 * they were. A verdict is made by the replica's answer and by the master's next one, and kept for the life of the server.
 */
export function followMaster(hosts: Hosts, before: Hosts, seen: HostObservation): Hosts {
  const master = [...hosts.values()].find(isMaster)
  const followed = new Map<HostId, HostDescription>()
  for (const [hostId, host] of hosts) {
    const isNews = seen.kind === 'answered' && hostId === seen.hostId
    followed.set(hostId, isAnswering(host) ? withFollowing(host, before.get(hostId), master, isNews, seen.atMs) : host)
  }
  return followed
}

/** One under suspicion may have been replaced by now: nobody is measured by it. */
function isMaster(host: HostDescription): host is AnsweringHost {
  return isAnswering(host) && host.kind === 'master' && host.suspicion === undefined
}

function withFollowing(
  host: AnsweringHost,
  before: HostDescription | undefined,
  master: AnsweringHost | undefined,
  isNews: boolean,
  nowMs: Milliseconds,
): AnsweringHost {
  if (host.kind !== 'replica') return host.following === undefined ? host : { ...host, following: undefined }
  const said = before === undefined ? undefined : lastAnswerOf(before)
  const isSameLife = said !== undefined && said.inRecovery && said.incarnation === host.answer.incarnation
  const known = isSameLife && before?.kind !== 'unknown' ? before?.following : undefined
  const upstream = master?.answer.systemId === host.answer.systemId ? master : undefined
  const shown = isNews || known === undefined ? look(host, isSameLife ? said : undefined, known, upstream) : known
  const following = withVerdict(shown, host, known?.detached, upstream, nowMs)
  return following === host.following ? host : { ...host, following }
}

/** What an answer shows, beside the one before in the same life. */
function look(
  { answer, seenAtMs }: AnsweringHost,
  said: RoleAnswer | undefined,
  known: Following | undefined,
  master: AnsweringHost | undefined,
): Following {
  const { receiver, lsn } = answer
  const isSameReceiver = receiver !== 'none' && receiver !== undefined && receiver === said?.receiver
  const firstSeenMs = isSameReceiver ? (known?.receiverSinceMs ?? seenAtMs) : seenAtMs
  const receiverSinceMs = typeof receiver === 'number' ? firstSeenMs : undefined
  const isSteady = receiverSinceMs !== undefined && seenAtMs - receiverSinceMs >= STEADY_MS
  const aloneSinceMs = receiver === undefined || isSteady ? undefined : (known?.aloneSinceMs ?? seenAtMs)
  const hasMoved = lsn !== undefined && said?.lsn !== undefined && lsn > said.lsn
  const isIdle = aloneSinceMs !== undefined && master !== undefined && !hasMoved && !hasAll(answer, master.answer)
  const restores = hasMoved && aloneSinceMs !== undefined && seenAtMs - aloneSinceMs >= PATIENCE_MS
  const pauseMs = known?.idleSinceMs === undefined ? 0 : seenAtMs - known.idleSinceMs
  const restorePauseMs = restores ? Math.max(known?.restorePauseMs ?? 0, pauseMs) : known?.restorePauseMs
  return Object.freeze({
    reachedTimeline: newerOf(answer.reachedTimeline, known?.reachedTimeline),
    receiverSinceMs,
    aloneSinceMs,
    idleSinceMs: isIdle ? (known?.idleSinceMs ?? seenAtMs) : undefined,
    restorePauseMs,
    isFed: aloneSinceMs === undefined || (isSameReceiver && hasMoved) || restorePauseMs !== undefined,
    detached: known?.detached,
  })
}

/** Whether the replica is on the master's timeline, and not behind where the master was seen last. */
function hasAll({ reachedTimeline, lsn }: RoleAnswer, master: RoleAnswer): boolean {
  return reachedTimeline === master.timeline && lsn !== undefined && master.lsn !== undefined && lsn >= master.lsn
}

function withVerdict(
  following: Following,
  host: AnsweringHost,
  known: Detachment | undefined,
  master: AnsweringHost | undefined,
  nowMs: Milliseconds,
): Following {
  const detached = judge(following, host, known, master, nowMs)
  return detached === following.detached ? following : Object.freeze({ ...following, detached })
}

/** Without a master there is nobody to follow: what was known stays. */
function judge(
  following: Following,
  host: AnsweringHost,
  known: Detachment | undefined,
  master: AnsweringHost | undefined,
  nowMs: Milliseconds,
): Detachment | undefined {
  const masterTimeline = master?.answer.timeline
  if (master === undefined || masterTimeline === undefined) return known
  const timeline = following.reachedTimeline
  const found = (reason: Detachment['reason']): Detachment => {
    const isKnown = known?.reason === reason && known.timeline === timeline && known.masterTimeline === masterTimeline
    return isKnown ? known : Object.freeze({ reason, sinceMs: known?.sinceMs ?? nowMs, timeline, masterTimeline })
  }
  const isAbove = timeline !== undefined && timeline > masterTimeline
  const isAhead = (host.answer.lsn ?? 0n) > (master.answer.lsn ?? host.answer.lsn ?? 0n)
  // What the master said to an earlier question, the replica may have gone beyond since (as in lineage.ts).
  const isAskedAfter = master.seenAtMs - master.roundTripMs >= host.seenAtMs
  if (isAskedAfter && isAbove) return found('timeline')
  if (isAskedAfter && isAhead) return found('position')
  // It cannot leave what it has replayed. If it is seen to follow all the same, then it was measured by the wrong master.
  const isDiverged = known !== undefined && known.reason !== 'no-receiver'
  if (isDiverged && (isAbove || isAhead || !isSeenToFollow(following))) return known
  if (isAbove && following.aloneSinceMs !== undefined) return found('no-receiver')
  return isStalled(following, host) ? found('no-receiver') : undefined
}

function isSeenToFollow({ isFed, receiverSinceMs, restorePauseMs }: Following): boolean {
  return isFed && (receiverSinceMs !== undefined || restorePauseMs !== undefined)
}

function isStalled({ idleSinceMs, restorePauseMs }: Following, { seenAtMs }: AnsweringHost): boolean {
  const patienceMs = Math.max(PATIENCE_MS, PAUSES * (restorePauseMs ?? 0))
  return idleSinceMs !== undefined && seenAtMs - idleSinceMs >= patienceMs
}

function newerOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}
