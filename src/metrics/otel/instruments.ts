import type { BatchObservableResult, Meter, MetricOptions, Observable } from '@opentelemetry/api'
import { HOST_ROLES, HOST_STATES, oneOf } from '../host-states.ts'
import type { DriverMetrics, HasqlMetrics } from '../manager-metrics.ts'
import type { Names, ObservedManager } from './observed-manager.ts'

type Kind = 'UpDownCounter' | 'Counter' | 'Gauge'
type Row<T> = readonly [
  kind: Kind,
  name: string,
  unit: string,
  description: string,
  read: (of: T) => number | undefined | readonly (readonly [string, number])[],
  /** The attribute that tells several values apart. */
  label?: string,
]

/** Names, units, descriptions and attributes of the first six are those of OpenTelemetry's semantic conventions 1.45. */
const OF_POOLS: readonly Row<DriverMetrics>[] = [
  [
    'UpDownCounter',
    'db.client.connection.count',
    '{connection}',
    'The number of connections that are currently in state described by the `state` attribute.',
    ({ idle, used }) => [
      ['idle', idle],
      ['used', used],
    ],
    'db.client.connection.state',
  ],
  [
    'UpDownCounter',
    'db.client.connection.idle.max',
    '{connection}',
    'The maximum number of idle open connections allowed.',
    ({ max }) => max,
  ],
  [
    'UpDownCounter',
    'db.client.connection.idle.min',
    '{connection}',
    'The minimum number of idle open connections allowed.',
    ({ min }) => min,
  ],
  [
    'UpDownCounter',
    'db.client.connection.limit',
    '{connection}',
    'The maximum number of open connections allowed.',
    ({ max }) => max,
  ],
  [
    'UpDownCounter',
    'db.client.connection.pending_requests',
    '{request}',
    'The number of current pending requests for an open connection.',
    ({ waiting }) => waiting,
  ],
  [
    'Counter',
    'db.client.connection.timeouts',
    '{timeout}',
    'The number of connection timeouts that have occurred trying to obtain a connection from the pool.',
    ({ acquireTimeouts }) => acquireTimeouts,
  ],
  [
    'Gauge',
    'hasql.host.state',
    '1',
    '1 for what the host is, 0 for what it is not.',
    ({ state }) => oneOf(HOST_STATES, state),
    'hasql.host.state',
  ],
  [
    'Gauge',
    'hasql.host.role',
    '1',
    '1 for what callers get the host as.',
    ({ role }) => oneOf(HOST_ROLES, role),
    'hasql.host.role',
  ],
  [
    'Gauge',
    'hasql.host.up',
    '1',
    '1 while callers get connections of the host.',
    ({ role }) => (role === undefined ? 0 : 1),
  ],
  [
    'Gauge',
    'hasql.host.lag',
    's',
    'How far the host is behind the master.',
    ({ lagMs }) => (lagMs === undefined ? undefined : lagMs / 1_000),
  ],
  [
    'Gauge',
    'hasql.host.sync_wait',
    's',
    'For how long commits have been waiting for a synchronous standby.',
    ({ syncWaitMs }) => syncWaitMs / 1_000,
  ],
  ['Counter', 'hasql.probe.count', '{probe}', 'Checks of the host.', ({ probes }) => probes],
  [
    'Counter',
    'hasql.probe.error.count',
    '{probe}',
    'Checks without an answer, by what that says of the host.',
    ({ probeErrors }) => Object.entries(probeErrors),
    'error.type',
  ],
  [
    'Counter',
    'hasql.connection.error.count',
    '{error}',
    'Errors of connections, by what they say of the host.',
    ({ errors }) => Object.entries(errors),
    'error.type',
  ],
]

const OF_MANAGERS: readonly Row<HasqlMetrics>[] = [
  ['Counter', 'hasql.failover.count', '{failover}', 'Changes of master after the first was found.', (m) => m.failovers],
  ['Counter', 'hasql.outage.count', '{outage}', 'Times without a known master.', (m) => m.outages],
  [
    'Counter',
    'hasql.outage.duration',
    's',
    'Time without a known master.',
    ({ outageMs, currentOutageMs }) => (outageMs + currentOutageMs) / 1_000,
  ],
  ['UpDownCounter', 'hasql.waiters', '{request}', 'Callers who wait for a suitable host.', ({ waiters }) => waiters],
  [
    'Counter',
    'hasql.acquire.timeouts',
    '{timeout}',
    'Acquires that ran out of time, wherever they waited.',
    ({ acquireTimeouts }) => acquireTimeouts,
  ],
]

/** Has a meter look at a manager whenever it collects; returns what ends that. */
export function observe(
  meter: Meter,
  db: ObservedManager,
  names: Names,
  countsAnyway: boolean | undefined,
): () => void {
  const ofPools = OF_POOLS.map((row) => ({ row, instrument: create(meter, row) }))
  const ofManagers = OF_MANAGERS.map((row) => ({ row, instrument: create(meter, row) }))
  const look = (result: BatchObservableResult): void => {
    const { drivers, hasql } = db.metrics()
    const { pools } = db
    for (const [place, host] of drivers.entries()) {
      for (const { row, instrument } of ofPools) {
        // This one alone is what instrumentation-pg exports as well.
        if (row === OF_POOLS[0] && !(countsAnyway ?? !isCountedElsewhere(pools[place]))) continue
        report(result, instrument, row, host, names.pools.get(host.host) ?? {})
      }
    }
    for (const { row, instrument } of ofManagers) report(result, instrument, row, hasql, names.manager)
  }
  const instruments = [...ofPools, ...ofManagers].map(({ instrument }) => instrument)
  meter.addBatchObservableCallback(look, instruments)
  return () => meter.removeBatchObservableCallback(look, instruments)
}

function create(
  meter: Meter,
  [kind, name, unit, description]: readonly [Kind, string, string, string, ...unknown[]],
): Observable {
  const options: MetricOptions = { unit, description }
  return meter[`createObservable${kind}`](name, options)
}

function report<T>(
  result: BatchObservableResult,
  instrument: Observable,
  [, , , , read, label = '']: Row<T>,
  of: T,
  attributes: Readonly<Record<string, unknown>> & Names['manager'],
): void {
  const value = read(of)
  if (typeof value === 'number') result.observe(instrument, value, attributes)
  else for (const [each, count] of value ?? []) result.observe(instrument, count, { ...attributes, [label]: each })
}

/** Whether `@opentelemetry/instrumentation-pg` has wrapped the `connect` of the pool or of a class of it: it marks what it wraps. */
function isCountedElsewhere(pool: unknown): boolean {
  if (typeof pool !== 'object' || pool === null) return false
  const connect: unknown = Reflect.get(pool, 'connect')
  const isWrapped = typeof connect === 'function' && Reflect.get(connect, '__wrapped') === true
  return isWrapped || isCountedElsewhere(Object.getPrototypeOf(pool))
}
