import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { Gauge, Registry, openMetricsContentType } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { durations, instrument } from 'hasql/otel'
import type { InstrumentOptions } from 'hasql/otel'
import { registerMetrics } from 'hasql/prometheus'
import { readPage } from '../../support/prometheus-text.ts'
import type { Rig } from '../../support/scripted/rig.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { untyped } from '../../support/untyped.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const
const offs: (() => unknown)[] = []
afterEach(async () => {
  for (const off of offs.splice(0)) await off()
})

interface HistogramPoint {
  readonly attributes: object
  readonly value: { readonly count: number; readonly sum: number; readonly buckets: object }
}

interface Traced extends Rig {
  readonly spans: () => readonly ReadableSpan[]
  readonly collect: () => Promise<readonly MetricData[]>
}

async function traced(made: Rig, options: InstrumentOptions = {}): Promise<Traced> {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  offs.push(instrument(made.db, { tracerProvider, meterProvider, ...options }), () => meterProvider.shutdown())
  const collect = async (): Promise<readonly MetricData[]> =>
    (await reader.collect()).resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  return { ...made, spans: () => exporter.getFinishedSpans(), collect }
}

describe('spans', () => {
  const contexts = new AsyncLocalStorageContextManager()
  beforeAll(() => context.setGlobalContextManager(contexts.enable()))
  afterAll(() => context.disable())

  test('there is none of an acquire that is served at once', async () => {
    const { db, clock, spans } = await traced(await startedRig(PAIR))
    const got = db.acquireMaster()
    await clock.settle()
    await got
    expect(spans()).toEqual([])
  })

  test('there is one of each that takes as long as is said, under the span of its caller', async () => {
    const { db, clock, spans } = await traced(await startedRig(PAIR), { spansFromMs: 0 })
    const tracer = new BasicTracerProvider().getTracer('test')
    const caller = tracer.startSpan('request')
    const got = context.with(trace.setSpan(ROOT_CONTEXT, caller), () => db.acquireMaster())
    await clock.settle()
    await got
    expect(spans().map(({ name, parentSpanContext }) => [name, parentSpanContext?.spanId])).toEqual([
      ['hasql.acquire', caller.spanContext().spanId],
    ])
  })

  test('there is one of each that fails, which says why', async () => {
    const { db, clock, spans } = await traced(await startedRig({ db1: 'down' }))
    db.acquireMaster({ timeoutMs: 30 }).catch(() => undefined)
    await clock.advance(40)
    const [wait, acquire] = spans()
    expect([wait?.name, acquire?.name]).toEqual(['hasql.wait_for_host', 'hasql.acquire'])
    expect(acquire?.attributes).toMatchObject({ 'error.type': 'ERR_HASQL_ACQUIRE_TIMEOUT', 'hasql.role': 'master' })
    expect(acquire?.status.message).toMatch(/^No master was found within 30 ms/)
    expect(acquire?.attributes).not.toHaveProperty('server.address')
  })

  test('of a switch of masters that took no time, and of an outage after which the master is the same', async () => {
    const { clock, set, spans } = await traced(await startedRig(PAIR))
    set({ db1: 'down' })
    await clock.advance(300)
    set({ db1: 'master' })
    await clock.advance(300)
    expect(spans().map(({ name }) => name)).toEqual(['hasql.outage'])
    expect(spans()[0]?.events.length).toBeGreaterThan(0)
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_100)
    const [, failover] = spans()
    expect([failover?.name, failover?.duration]).toEqual(['hasql.failover', [0, 0]])
  })

  test('another manager’s acquires are not among them', async () => {
    const { spans } = await traced(await startedRig(PAIR), { spansFromMs: 0 })
    const other = await startedRig(PAIR)
    const got = other.db.acquireMaster()
    await other.clock.settle()
    await got
    expect(spans()).toEqual([])
  })
})

describe('metrics of OpenTelemetry', () => {
  test('durations of each lease, where that is asked for, are the same as those for a reader', async () => {
    const { db, clock, collect } = await traced(await startedRig(PAIR), { recordDurations: true, name: 'orders' })
    for (const heldMs of [3, 30, 300]) {
      const got = db.acquireMaster()
      await clock.settle()
      const lease = await got
      await clock.advance(heldMs)
      lease.release()
      await clock.settle()
    }
    const { resourceMetrics } = await durations(db, { name: 'orders' }).collect()
    const [expected, found] = [resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics), await collect()]
    for (const name of ['create_time', 'wait_time', 'use_time'].map((each) => `db.client.connection.${each}`)) {
      const pointOf = (metrics: readonly { descriptor: { name: string }; dataPoints: readonly unknown[] }[]) =>
        metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0] as HistogramPoint
      const [point, { attributes, value }] = [pointOf(found), pointOf(expected)]
      expect(attributes).toEqual({ 'db.client.connection.pool.name': 'orders/db1:5432/app' })
      expect(point).toMatchObject({ attributes, value: { count: value.count, buckets: value.buckets } })
      expect(point.value.sum).toBeCloseTo(value.sum)
    }
  })

  test('nor does waiting for a host differ, which only those have that waited', async () => {
    const made = await startedRig({ db1: 'down' })
    const { db, clock, set, collect } = await traced(made, { recordDurations: true })
    const wait = db.acquireMaster()
    await clock.advance(200)
    set({ db1: 'master' })
    await clock.advance(60)
    ;(await wait).release()
    const again = db.acquireMaster()
    await clock.settle()
    await again
    const { resourceMetrics } = await durations(db).collect()
    const of = (metrics: readonly { descriptor: { name: string }; dataPoints: readonly unknown[] }[], name: string) =>
      (metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0] as HistogramPoint).value
    const expected = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    const found = await collect()
    expect(of(found, 'hasql.host.wait_time')).toMatchObject({
      count: 1,
      buckets: of(expected, 'hasql.host.wait_time').buckets,
    })
    expect(of(found, 'hasql.host.wait_time').sum).toBeGreaterThanOrEqual(0.2)
    expect(of(found, 'db.client.connection.wait_time').count).toBe(2)
  })

  test('durations are for a reader, which puts its own resource in their place', async () => {
    const { db } = await startedRig(PAIR)
    const { resource } = (await durations(db).collect()).resourceMetrics
    const own = { attributes: { 'service.name': 'shop' } }
    expect([resource.attributes, resource.getRawAttributes()]).toEqual([{}, []])
    expect([resource.merge(own), resource.merge(null)]).toEqual([own, resource])
  })

  test('nothing is observed any more after the end', async () => {
    const { db, clock, collect, spans } = await traced(await startedRig(PAIR), {
      spansFromMs: 0,
      recordDurations: true,
    })
    for (const off of offs.splice(0, 1)) await off()
    const got = db.acquireMaster()
    await clock.settle()
    await got
    expect((await collect()).flatMap(({ dataPoints }) => [...dataPoints])).toEqual([])
    expect(spans()).toEqual([])
  })

  test('options that make no sense are refused', async () => {
    const { db } = await startedRig(PAIR)
    expect(() => instrument(db, untyped({ meter: 1 }))).toThrow(/^instrument has no option meter: meterProvider/)
    for (const spansFromMs of [-1, NaN, '5'])
      expect(() => instrument(db, untyped({ spansFromMs }))).toThrow(/^spansFromMs must be a number of milliseconds/)
  })
})

describe('metrics of Prometheus', () => {
  test('several managers are told apart by their names', async () => {
    const [one, other] = [await startedRig(PAIR), await startedRig({ db1: 'down' })]
    const registry = new Registry()
    registerMetrics(registry, { orders: one.db, reports: other.db })
    const masters = readPage(await registry.metrics()).find(({ name }) => name === 'hasql_masters')
    expect(masters?.samples).toEqual([
      { labels: { manager: 'orders' }, value: 1 },
      { labels: { manager: 'reports' }, value: 0 },
    ])
  })

  test('what is not known is left out', async () => {
    const { db } = await startedRig({ db1: 'master', db2: 'down' })
    const registry = new Registry()
    registerMetrics(registry, db)
    const lag = readPage(await registry.metrics()).find(({ name }) => name === 'hasql_host_lag_seconds')
    expect(lag?.samples.map(({ labels }) => labels.host)).toEqual(['db1:5432'])
  })

  test('in the format of OpenMetrics, too, and as JSON for a cluster of processes', async () => {
    const { db } = await startedRig(PAIR)
    const registry = new Registry<typeof openMetricsContentType>()
    registry.setContentType(openMetricsContentType)
    registerMetrics(registry, db)
    registry.resetMetrics()
    const page = await registry.metrics()
    expect(page).toContain('# TYPE hasql_probes counter\nhasql_probes_total{host="db1:5432"} 1\n')
    expect(page.endsWith('# EOF\n')).toBe(true)
    const json = await registry.getMetricsAsJSON()
    expect(json.find(({ name }) => name === 'hasql_masters')).toMatchObject({ type: 'gauge', aggregator: 'sum' })
  })

  test('are taken out again, and refused when they are there already', async () => {
    const { db } = await startedRig(PAIR)
    const registry = new Registry()
    const off = registerMetrics(registry, db)
    expect(() => registerMetrics(registry, db)).toThrow(/already been registered/)
    off()
    expect(await registry.metrics()).not.toContain('hasql')
    registerMetrics(registry, db)
    // What was taken out once is not taken out again.
    off()
    expect(await registry.metrics()).toContain('hasql_masters')
  })

  test('are added all or not at all', async () => {
    const { db } = await startedRig(PAIR)
    const registry = new Registry()
    new Gauge({ name: 'hasql_waiters', help: 'Of the application.', registers: [registry] })
    expect(() => registerMetrics(registry, db)).toThrow(/hasql_waiters has already been registered/)
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['hasql_waiters'])
  })

  test('a scrape is of one moment, and each scrape of its own', async () => {
    const { db, clock } = await startedRig(PAIR)
    const registry = new Registry()
    let looks = 0
    registerMetrics(registry, {
      metrics: () => {
        looks += 1
        return db.metrics()
      },
    })
    await registry.metrics()
    expect(looks).toBe(1)
    const got = db.acquireMaster()
    await clock.settle()
    await got
    expect(
      readPage(await registry.metrics()).find(({ name }) => name === 'hasql_acquires_total')?.samples[0]?.value,
    ).toBe(1)
    expect(looks).toBe(2)
  })
})
