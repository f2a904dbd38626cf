import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { AnsweringHost, HostDescription } from '../topology/host-description.ts'
import { detachmentOf, isAnswering, lastAnswerOf } from '../topology/host-description.ts'
import { bytesBehind, isWritable, upToDateAsOfMs } from '../topology/lag.ts'
import { descendsFrom, hasReplayed, isAbandoned } from '../topology/lineage.ts'
import type { Topology } from '../topology/topology.ts'
import { masters } from '../topology/topology.ts'
import type { WriteToken } from '../topology/write-token.ts'

/** Why a host is not known to be fresh enough. Judged often, so the words are made only for those who read them. */
export type Staleness =
  | 'of-another-cluster'
  | 'detached'
  | 'several-servers'
  | 'in-doubt'
  | 'hidden'
  | 'on-older-timeline'
  | 'behind-token'
  | 'not-proven'
  | 'late'
  | 'bytes-behind'

/** What a caller demands of the data of a host: hard, unlike the manager's own bounds (law 7). */
export interface Freshness {
  readonly maxLagMs: Milliseconds | undefined
  readonly maxLagBytes: number | undefined
  readonly after: WriteToken | undefined
}

/** The topology without the hosts that are not known to be fresh enough, or not wanted; undefined when no host is left. */
export function freshOnly(
  topology: Topology,
  freshness: Freshness,
  nowMs: number,
  isWanted: (host: AnsweringHost) => boolean,
): Topology | undefined {
  const hosts = new Map<HostId, HostDescription>()
  for (const [hostId, host] of topology.hosts) {
    if (!isAnswering(host) || !isWanted(host)) continue
    if (staleness(host, topology, freshness, nowMs) === undefined) hosts.set(hostId, host)
  }
  return hosts.size === 0 ? undefined : { ...topology, hosts }
}

/** Why a host is not fresh enough, as far as is known; undefined when it is. */
export function staleness(
  host: AnsweringHost,
  topology: Topology,
  { maxLagMs, maxLagBytes, after }: Freshness,
  nowMs: number,
): Staleness | undefined {
  const lacking = after === undefined ? undefined : lacks(host, topology, after)
  if (lacking !== undefined || isWritable(host)) return lacking
  if (detachmentOf(host) !== undefined) return 'detached'
  if (maxLagMs !== undefined && !(nowMs - (upToDateAsOfMs(host, topology.wal) ?? -Infinity) <= maxLagMs)) return 'late'
  if (maxLagBytes !== undefined && !((knownBytesBehind(host, topology) ?? Infinity) <= maxLagBytes))
    return 'bytes-behind'
  return undefined
}

/** Why no host will ever be known to have the write of a token, in words; undefined while one may be. */
export function unreachable(topology: Topology, token: WriteToken): string | undefined {
  const { systemId, highestTimeline, abandoned } = topology.fencing
  const hosts = [...topology.hosts.values()]
  if (isAbandoned(topology.wal.lineage, token) && masters(topology).length > 0 && systemId === token.systemId) {
    return `it is of timeline ${token.timeline}, on which a server was master that was demoted again: what was written there is lost`
  }
  if (systemId !== undefined && systemId !== token.systemId) {
    const mayBeThere = hosts.some((host) => host.kind === 'unknown' || lastAnswerOf(host)?.systemId === token.systemId)
    return mayBeThere ? undefined : `it is of another cluster (system identifier ${token.systemId}, not ${systemId})`
  }
  const isGivenUp = abandoned.some((each) => each.systemId === token.systemId && each.timeline === token.timeline)
  const isLeft = highestTimeline > token.timeline || isGivenUp
  if (!isLeft || masters(topology).length === 0) return undefined
  if (hosts.some((host) => isAnswering(host) && lacks(host, topology, token) === undefined)) return undefined
  return `it is of timeline ${token.timeline}, which was left for ${highestTimeline}, and nobody saw the write arrive there before: it may be lost`
}

function lacks(host: AnsweringHost, { wal }: Topology, token: WriteToken): Staleness | undefined {
  const { answer, suspicion } = host
  if (answer.systemId !== token.systemId) return 'of-another-cluster'
  if (isWritable(host)) {
    if (answer.timeline === undefined) return 'hidden'
    if (answer.timeline < token.timeline) return 'on-older-timeline'
    return descendsFrom(wal.lineage, answer.timeline, token) ? undefined : 'not-proven'
  }
  if (detachmentOf(host) !== undefined) return 'detached'
  // A check knows what one of them has, and a lease may lead to another.
  if (host.servers > 1) return 'several-servers'
  // It may have been replaced by something older under the same name.
  if (suspicion !== undefined) return 'in-doubt'
  if (hasReplayed(wal.lineage, host, token)) return undefined
  if (answer.reachedTimeline === undefined || answer.lsn === undefined) return 'hidden'
  if (answer.reachedTimeline < token.timeline) return 'on-older-timeline'
  return answer.lsn < token.lsn ? 'behind-token' : 'not-proven'
}

/** Without a master, somebody may be writing where we do not look. */
function knownBytesBehind(host: AnsweringHost, { masterlessSinceMs, wal }: Topology): number | undefined {
  return masterlessSinceMs === undefined ? bytesBehind(host, wal) : undefined
}

/** Why a host is not fresh enough, in words: `with a lag of 3 s of at most 1 s`; undefined when it is. */
export function wordStaleness(
  host: AnsweringHost,
  topology: Topology,
  freshness: Freshness,
  nowMs: number,
): string | undefined {
  const { after, maxLagMs = 0, maxLagBytes = 0 } = freshness
  const { reachedTimeline, timeline = reachedTimeline, lsn = 0n } = host.answer
  switch (staleness(host, topology, freshness, nowMs)) {
    case undefined:
      return undefined
    case 'of-another-cluster':
      return 'which is not known to be of the cluster of the write token'
    case 'detached':
      return '(so it serves no read with a bound on lag or a write token)'
    case 'several-servers':
      return 'whose name leads to several servers, of which only one is known to have the write'
    case 'in-doubt':
      return 'which is not asked for the write while it is in doubt'
    case 'hidden':
      return 'which does not show us its timeline and position'
    case 'on-older-timeline':
      return `which is not known to be on timeline ${after?.timeline ?? '?'} of the write token yet (${timeline ?? '?'})`
    case 'behind-token':
      return `which lacks ${(after?.lsn ?? 0n) - lsn} bytes of what the write token wants`
    case 'not-proven':
      return 'which is not known to have the write of the token'
    case 'late': {
      const asOfMs = upToDateAsOfMs(host, topology.wal)
      if (asOfMs === undefined) return `of unknown lag (at most ${seconds(maxLagMs)} wanted)`
      return `with a lag of ${seconds(nowMs - asOfMs)} of at most ${seconds(maxLagMs)}`
    }
    case 'bytes-behind': {
      const bytes = knownBytesBehind(host, topology)
      if (bytes === undefined) return `of unknown lag (at most ${maxLagBytes} bytes wanted)`
      return `with a lag of ${bytes} bytes of at most ${maxLagBytes}`
    }
  }
}

const seconds = (spanMs: number): string => `${Number((spanMs / 1_000).toFixed(3))} s`
