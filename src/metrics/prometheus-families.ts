import type { Durations } from './duration-histogram.ts'
import { HOST_ROLES, HOST_STATES, oneOf } from './host-states.ts'
import type { DriverMetrics, HasqlMetrics, ManagerMetrics } from './manager-metrics.ts'

export type Labels = Readonly<Record<string, string | number>>

/** One value, or one histogram, under its labels; undefined: not known now. */
export interface Reading {
  readonly labels: Labels
  readonly value: number | Durations | undefined
}

/** A metric of Prometheus, with all its labels. */
export interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly help: string
  readonly read: (metrics: ManagerMetrics) => readonly Reading[]
}

type OfHost<T> = (host: DriverMetrics) => T

const seconds = (durationMs: number | undefined): number | undefined =>
  durationMs === undefined ? undefined : durationMs / 1_000

const perHost = (
  type: Family['type'],
  name: string,
  help: string,
  value: OfHost<number | Durations | undefined>,
): Family => ({
  name: `hasql_${name}`,
  type,
  help,
  read: ({ drivers }) => drivers.map((host) => ({ labels: { host: host.host }, value: value(host) })),
})

/** As `perHost`, but several values that a label tells apart. */
const perHostAnd = (
  label: string,
  type: Family['type'],
  name: string,
  help: string,
  values: OfHost<readonly (readonly [string, number])[]>,
): Family => ({
  name: `hasql_${name}`,
  type,
  help,
  read: ({ drivers }) =>
    drivers.flatMap((host) =>
      values(host).map(([each, value]) => ({ labels: { host: host.host, [label]: each }, value })),
    ),
})

const perManager = (
  type: Family['type'],
  name: string,
  help: string,
  value: (hasql: HasqlMetrics) => number,
): Family => ({
  name: `hasql_${name}`,
  type,
  help,
  read: ({ hasql }) => [{ labels: {}, value: value(hasql) }],
})

/** Everything that a scrape shows; docs/observability.md repeats it. */
export const FAMILIES: readonly Family[] = [
  perHostAnd('state', 'gauge', 'host_state', '1 for what the host is, 0 for what it is not.', ({ state }) =>
    oneOf(HOST_STATES, state),
  ),
  perHostAnd('role', 'gauge', 'host_role', '1 for what callers get the host as.', ({ role }) =>
    oneOf(HOST_ROLES, role),
  ),
  perHost('gauge', 'host_state_seconds', 'For how long the host has been what it is.', (h) => seconds(h.stateMs)),
  perHost('gauge', 'host_lag_seconds', 'How far the host is behind the master.', (h) => seconds(h.lagMs)),
  perHost('gauge', 'host_lag_bytes', 'How many bytes of its log the host is behind the master.', (h) => h.lagBytes),
  perHost('histogram', 'probe_seconds', 'Round trips of answered checks.', (h) => h.responseTime),
  perHost('counter', 'probes_total', 'Checks of the host.', (h) => h.probes),
  perHostAnd('class', 'counter', 'probe_errors_total', 'Checks without an answer, by what that says.', (h) =>
    Object.entries(h.probeErrors),
  ),
  perHostAnd('state', 'gauge', 'connections', 'Connections, by what they are doing.', (h) => [
    ['idle', h.idle],
    ['used', h.used],
    ['connecting', h.connecting],
  ]),
  perHost('gauge', 'connections_max', 'The most connections that the pool may hold.', (h) => h.max),
  perHost('gauge', 'connections_min', 'Connections that the pool keeps when nobody needs them.', (h) => h.min),
  perHost('gauge', 'connections_waiting', 'Callers who wait for a connection of the host.', (h) => h.waiting),
  perHost('gauge', 'leases_stuck_seconds', 'For how long no lease has ended on a full pool.', (h) =>
    seconds(h.stuckMs),
  ),
  perHost('gauge', 'sync_wait_seconds', 'For how long commits have been waiting for a synchronous standby.', (h) =>
    seconds(h.syncWaitMs),
  ),
  perHost('counter', 'acquires_total', 'Leases handed out.', (h) => h.acquires),
  perHost('counter', 'releases_total', 'Leases that have ended.', (h) => h.releases),
  perHost(
    'histogram',
    'host_wait_seconds',
    'How long it took to find the host, when it was not at once.',
    (h) => h.hostWaitTime,
  ),
  perHost('histogram', 'connection_wait_seconds', 'From the choice of the host to the lease.', (h) => h.waitTime),
  perHost('histogram', 'connection_use_seconds', 'How long leases were held.', (h) => h.useTime),
  perHost('histogram', 'connection_create_seconds', 'How long making a connection took.', (h) => h.createTime),
  perHost('counter', 'connections_added_total', 'Connections begun.', (h) => h.connectionsAdded),
  perHost('counter', 'connections_removed_total', 'Connections that are gone.', (h) => h.connectionsRemoved),
  perHost('counter', 'connect_errors_total', 'Connections that could not be made.', (h) => h.connectErrors),
  perHostAnd(
    'class',
    'counter',
    'connection_errors_total',
    'Errors of connections, by what they say of the host.',
    (h) => Object.entries(h.errors),
  ),
  perHost('counter', 'pool_timeouts_total', 'Acquires that timed out on a full pool.', (h) => h.acquireTimeouts),
  perManager('gauge', 'hosts', 'Hosts of the connection string.', (m) => m.hosts),
  perManager('gauge', 'masters', 'Hosts that take writes.', (m) => m.masters),
  perManager('gauge', 'replicas', 'Hosts that take reads, the master not counted.', (m) => m.replicas),
  perManager('gauge', 'waiters', 'Callers who wait for a suitable host.', (m) => m.waiters),
  perManager('counter', 'acquire_timeouts_total', 'Acquires that ran out of time.', (m) => m.acquireTimeouts),
  perManager('counter', 'master_changes_total', 'Masters found, the first one included.', (m) => m.masterChanges),
  perManager('counter', 'failovers_total', 'Changes of master after the first was found.', (m) => m.failovers),
  perManager('counter', 'outages_total', 'Times without a known master.', (m) => m.outages),
  perManager(
    'counter',
    'outage_seconds_total',
    'Time without a known master.',
    (m) => (m.outageMs + m.currentOutageMs) / 1_000,
  ),
  perManager('counter', 'retries_total', 'Functions run again on another lease.', (m) => m.retries),
  perManager('counter', 'stalls_total', 'Checks held up by the event loop of this process.', (m) => m.stalls),
]
