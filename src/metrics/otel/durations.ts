import type { Attributes, Meter } from '@opentelemetry/api'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { HostId } from '../../dsn/host-spec.ts'
import { epochMs } from '../../time/system-clock.ts'
import { DurationHistogram } from '../duration-histogram.ts'
import type { Durations } from '../duration-histogram.ts'
import type { DriverMetrics } from '../manager-metrics.ts'
import { Names } from './observed-manager.ts'
import type { ObservedManager } from './observed-manager.ts'

const CREATE_TIME = ['db.client.connection.create_time', 'The time it took to create a new connection.'] as const
const WAIT_TIME = [
  'db.client.connection.wait_time',
  'The time it took to obtain an open connection from the pool.',
] as const
const USE_TIME = [
  'db.client.connection.use_time',
  'The time between borrowing a connection and returning it to the pool.',
] as const
const HOST_WAIT = ['hasql.host.wait_time', 'How long it took to find the host, when it was not found at once.'] as const

type Histogram = typeof CREATE_TIME | typeof WAIT_TIME | typeof USE_TIME | typeof HOST_WAIT

const READERS: readonly (readonly [Histogram, (host: DriverMetrics) => Durations])[] = [
  [CREATE_TIME, ({ createTime }) => createTime],
  [WAIT_TIME, ({ waitTime }) => waitTime],
  [USE_TIME, ({ useTime }) => useTime],
  [HOST_WAIT, ({ hostWaitTime }) => hostWaitTime],
]

const BOUNDS_S = new DurationHistogram().copy().buckets.map(({ upToMs }) => upToMs / 1_000)

/** Seconds and nanoseconds since 1970. */
type Time = [number, number]

/** One histogram of one moment, as the metrics SDK has it. */
interface HistogramData {
  readonly descriptor: { name: string; description: string; unit: 's'; valueType: 1 }
  readonly aggregationTemporality: 1
  readonly dataPointType: 0
  readonly dataPoints: {
    readonly startTime: Time
    readonly endTime: Time
    readonly attributes: Attributes
    readonly value: { buckets: { boundaries: number[]; counts: number[] }; sum: number; count: number }
  }[]
}

interface OwnResource {
  readonly attributes: Attributes
  merge<T>(other: T | null): T | OwnResource
  getRawAttributes(): []
}

/** What a `MetricProducer` of the metrics SDK gives. */
interface Collected {
  readonly resourceMetrics: {
    readonly resource: OwnResource
    readonly scopeMetrics: { scope: { name: string }; metrics: HistogramData[] }[]
  }
  readonly errors: unknown[]
}

/** The reader puts its own resource in this one's place. */
const NO_RESOURCE: OwnResource = {
  attributes: {},
  merge: (other) => other ?? NO_RESOURCE,
  getRawAttributes: () => [],
}

/** `name` as given to `instrument`. */
export interface DurationOptions {
  readonly name?: string
}

/**
 * The durations of a manager's leases for a metric reader: how long callers waited for a connection, how long they held it, how
 * long making one took.
 *
 * ```ts
 * import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
 *
 * const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [durations(db)] })
 * ```
 * They are what `metrics()` has counted, so exporting them costs nothing for each lease. Cumulative, in seconds.
 */
export function durations(db: ObservedManager, { name }: DurationOptions = {}): { collect(): Promise<Collected> } {
  const names = new Names(db, name)
  const startTime = now()
  const collect = (): Collected => {
    const { drivers } = db.metrics()
    const endTime = now()
    const metrics = READERS.map(([[metric, description], read]): HistogramData => {
      const dataPoints = drivers.map((host) => {
        const attributes = names.pools.get(host.host) ?? {}
        return { startTime, endTime, attributes, value: valueOf(read(host)) }
      })
      const descriptor = { name: metric, description, unit: 's', valueType: 1 } as const
      return { descriptor, aggregationTemporality: 1, dataPointType: 0, dataPoints }
    })
    return {
      resourceMetrics: { resource: NO_RESOURCE, scopeMetrics: [{ scope: { name: 'hasql' }, metrics }] },
      errors: [],
    }
  }
  return { collect: () => Promise.resolve(collect()) }
}

/** Records each duration through the meter, as it comes. */
export function recordDurations(meter: Meter, db: ObservedManager, names: Names): () => void {
  const create = ([metric, description]: Histogram): ((host: HostId, durationMs: number) => void) => {
    const advice = { explicitBucketBoundaries: BOUNDS_S }
    const histogram = meter.createHistogram(metric, { description, unit: 's', advice })
    // The caller's context would cost another look-up for each lease.
    return (host, durationMs) => histogram.record(durationMs / 1_000, names.pools.get(host), ROOT_CONTEXT)
  }
  const [created, waited, used, hostWaited] = [CREATE_TIME, WAIT_TIME, USE_TIME, HOST_WAIT].map(create)
  const offs = [
    db.on('connect', ({ host, tookMs }) => created?.(host, tookMs)),
    db.on('release', ({ host, usedMs }) => used?.(host, usedMs)),
    db.on('acquire', ({ host, waitedMs, hostWaitMs }) => {
      waited?.(host, waitedMs - hostWaitMs)
      if (hostWaitMs > 0) hostWaited?.(host, hostWaitMs)
    }),
  ]
  return () => {
    for (const off of offs) off()
  }
}

/** Of the buckets the SDK wants each by itself, and the last without a bound. */
function valueOf({ buckets, count, sumMs }: Durations): HistogramData['dataPoints'][0]['value'] {
  const upTo = [0, ...buckets.map((each) => each.count), count]
  const counts = upTo.slice(1).map((each, place) => each - (upTo[place] ?? 0))
  return { buckets: { boundaries: BOUNDS_S, counts }, sum: sumMs / 1_000, count }
}

function now(): Time {
  const atMs = epochMs()
  return [Math.floor(atMs / 1_000), (atMs % 1_000) * 1_000_000]
}
