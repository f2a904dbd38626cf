import type { Milliseconds } from '../time/milliseconds.ts'
import type { AnsweringHost } from '../topology/host-description.ts'
import { isAnswering, lastAnswerOf } from '../topology/host-description.ts'
import { bytesBehind, isWritable, upToDateAsOfMs } from '../topology/lag.ts'
import { descendsFrom, hasReplayed } from '../topology/lineage.ts'
import type { Topology } from '../topology/topology.ts'
import { masters } from '../topology/topology.ts'
import type { WriteToken } from '../topology/write-token.ts'

/** What a caller demands of the data of a host: hard, unlike the manager's own bounds (law 7). */
export interface Freshness {
  readonly maxLagMs: Milliseconds | undefined
  readonly maxLagBytes: number | undefined
  readonly after: WriteToken | undefined
}

/** The topology without the hosts that are not known to be fresh enough. */
export function freshOnly(topology: Topology, freshness: Freshness, nowMs: number): Topology {
  const hosts = [...topology.hosts].filter(
    ([, host]) => !isAnswering(host) || staleness(host, topology, freshness, nowMs) === undefined,
  )
  return { ...topology, hosts: new Map(hosts) }
}

/** Why a host is not fresh enough, as far as is known, in words; undefined when it is. */
export function staleness(
  host: AnsweringHost,
  topology: Topology,
  { maxLagMs, maxLagBytes, after }: Freshness,
  nowMs: number,
): string | undefined {
  return (
    (after === undefined ? undefined : lacks(host, topology, after)) ??
    (maxLagMs === undefined || isWritable(host) ? undefined : tooLate(host, topology, maxLagMs, nowMs)) ??
    (maxLagBytes === undefined || isWritable(host) ? undefined : tooFarBehind(host, topology, maxLagBytes))
  )
}

/** Why no host will ever be known to have the write of a token, in words; undefined while one may be. */
export function unreachable(topology: Topology, token: WriteToken): string | undefined {
  const { systemId, highestTimeline } = topology.fencing
  const hosts = [...topology.hosts.values()]
  if (systemId !== undefined && systemId !== token.systemId) {
    const mayBeThere = hosts.some((host) => host.kind === 'unknown' || lastAnswerOf(host)?.systemId === token.systemId)
    return mayBeThere ? undefined : `it is of another cluster (system identifier ${token.systemId}, not ${systemId})`
  }
  if (highestTimeline <= token.timeline || masters(topology).length === 0) return undefined
  if (hosts.some((host) => isAnswering(host) && lacks(host, topology, token) === undefined)) return undefined
  return `it is of timeline ${token.timeline}, which was left for ${highestTimeline}, and nobody saw the write arrive there before: it may be lost`
}

function lacks(host: AnsweringHost, topology: Topology, token: WriteToken): string | undefined {
  const { answer, suspicion } = host
  if (answer.systemId !== token.systemId) return 'which is not known to be of the cluster of the write token'
  if (isWritable(host)) return lacksAsMaster(host, topology, token)
  // It may have been replaced by something older under the same name.
  if (suspicion !== undefined) return 'which is not asked for the write while it is in doubt'
  if (hasReplayed(topology.wal.lineage, host, token)) return undefined
  const { reachedTimeline, lsn } = answer
  if (reachedTimeline === undefined || lsn === undefined) return 'which does not show us its timeline and position'
  if (reachedTimeline < token.timeline) {
    return `which is not known to be on timeline ${token.timeline} of the write token yet (${reachedTimeline})`
  }
  if (lsn < token.lsn) return `which lacks ${token.lsn - lsn} bytes of what the write token wants`
  return 'which is not known to have the write of the token'
}

function lacksAsMaster({ answer }: AnsweringHost, { wal }: Topology, token: WriteToken): string | undefined {
  const { timeline } = answer
  if (timeline === undefined) return 'which does not show us its timeline'
  if (timeline < token.timeline) return `which is on timeline ${timeline}, before that of the write token`
  return descendsFrom(wal.lineage, timeline, token) ? undefined : 'which is not known to have the write of the token'
}

function tooLate(host: AnsweringHost, { wal }: Topology, maxLagMs: number, nowMs: number): string | undefined {
  const asOfMs = upToDateAsOfMs(host, wal)
  if (asOfMs === undefined) return `of unknown lag (at most ${seconds(maxLagMs)} wanted)`
  return nowMs - asOfMs <= maxLagMs
    ? undefined
    : `with a lag of ${seconds(nowMs - asOfMs)} of at most ${seconds(maxLagMs)}`
}

function tooFarBehind(host: AnsweringHost, topology: Topology, maxLagBytes: number): string | undefined {
  // Without a master, somebody may be writing where we do not look.
  const bytes = topology.masterlessSinceMs === undefined ? bytesBehind(host, topology.wal) : undefined
  if (bytes === undefined) return `of unknown lag (at most ${maxLagBytes} bytes wanted)`
  return bytes <= maxLagBytes ? undefined : `with a lag of ${bytes} bytes of at most ${maxLagBytes}`
}

const seconds = (spanMs: number): string => `${Number((spanMs / 1_000).toFixed(3))} s`
