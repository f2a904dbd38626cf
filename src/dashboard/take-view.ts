import { redact } from '../dsn/redact.ts'
import { describeState } from '../manager/explain.ts'
import type { DriverMetrics } from '../metrics/manager-metrics.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering, isTrusted, lastAnswerOf } from '../topology/host-description.ts'
import { toError } from '../to-error.ts'
import type { Topology } from '../topology/topology.ts'
import { healthOf, isSuspect } from './health.ts'
import type { HostView, Span, StateView } from './view.ts'
import type { DashboardActions, WatchedManager } from './watched.ts'

/**
 * All that the page says of a manager at this moment. Text from elsewhere, which may hold anything, is redacted; what
 * `actions` throw is shown as the note, since a page must not be able to end the process.
 */
export function takeView(db: WatchedManager, title: string, actions: DashboardActions | undefined): StateView {
  const { topology, closing } = db
  const { drivers, hasql } = db.metrics()
  const { waiters, acquireTimeouts, failovers, outageMs, currentOutageMs, retries, stalls } = hasql
  let trouble: string | undefined
  const given = <T>(ask: () => T, otherwise: T): T => {
    try {
      return ask()
    } catch (thrown) {
      trouble ??= redact(toError(thrown).message)
      return otherwise
    }
  }
  const hosts = drivers.flatMap((metrics) => {
    const host = [...topology.hosts.values()].find(({ hostId }) => hostId === metrics.host)
    return host === undefined
      ? []
      : [
          viewOf(
            host,
            metrics,
            topology,
            given(() => actions?.of(host.hostId) ?? [], []),
          ),
        ]
  })
  const note = given(() => actions?.note?.(), undefined)
  return {
    title,
    ...healthOf(topology, closing),
    hosts,
    manager: {
      waiters,
      acquireTimeouts,
      failovers,
      outageMs: outageMs + currentOutageMs,
      masterlessAtMs: topology.masterlessSinceMs,
      retries,
      stalls,
    },
    note: trouble ?? note,
  }
}

/** What a host is shown as, and since when. */
export function spanOf(host: HostDescription): Span {
  if (isAnswering(host) && host.suspicion !== undefined) return [host.suspicion.sinceMs, 'suspect']
  return [host.sinceMs, host.kind]
}

function viewOf(
  host: HostDescription,
  metrics: DriverMetrics,
  topology: Topology,
  actions: readonly string[],
): HostView {
  const answer = lastAnswerOf(host)
  const { responseTimeMs, lagMs, lagBytes, used, max, total, waiting } = metrics
  const { acquires, acquireTimeouts, connectErrors, labels } = metrics
  const [sinceAtMs, state] = spanOf(host)
  return {
    host: host.hostId,
    state,
    kind: host.kind,
    why: redact(whyOf(host, topology, host.sinceMs + metrics.stateMs)),
    sinceAtMs,
    timeline: answer?.timeline ?? answer?.reachedTimeline,
    lsn: answer?.lsn === undefined ? undefined : lsnText(answer.lsn),
    responseTimeMs,
    lagMs,
    lagBytes,
    used,
    max,
    total,
    waiting,
    acquires,
    acquireTimeouts,
    connectErrors,
    labels,
    actions,
  }
}

/** In use, and for what, or out, and why. */
function whyOf(host: HostDescription, topology: Topology, nowMs: number): string {
  const state = describeState(host, topology, nowMs)
  if (host.kind === 'master') {
    if (!isTrusted(host)) return `Out until it answers: ${state}`
    return isSuspect(host) ? `In: it ${state}` : 'In: it takes the writes'
  }
  if (host.kind === 'replica' || host.kind === 'read-only-master') {
    return isSuspect(host)
      ? `In, as the last choice: ${state}`
      : `In: it ${state === 'is a replica' ? 'takes reads' : state}`
  }
  return host.kind === 'unknown' ? `Not in yet: it ${state}` : `Out: it ${state}`
}

/** As PostgreSQL writes it: `0/3000148`. */
function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase()
}
