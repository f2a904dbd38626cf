import { createRequire } from 'node:module'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { durations, instrument } from 'hasql/otel'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'

const require = createRequire(import.meta.url)
const COUNT = 'db.client.connection.count'

let cluster: PgCluster
let db: PoolManager
let meterProvider: MeterProvider
let reader: PeriodicExportingMetricReader
let stop: () => void
const instrumentation = new PgInstrumentation()

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 0 })
  instrumentation.enable()
  // What a program does that loads its instrumentation first; here both packages are loaded already, and are wrapped now.
  require('pg')
  require('pg-pool')
  db = new PoolManager(cluster.dsn)
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [durations(db)] })
  meterProvider = new MeterProvider({ readers: [reader] })
  instrumentation.setMeterProvider(meterProvider)
  stop = instrument(db, { meterProvider })
  await db.ready()
})
afterAll(async () => {
  stop()
  await db.close()
  instrumentation.disable()
  await meterProvider.shutdown()
  await cluster.close()
})

async function collect(): Promise<readonly { readonly scope: string; readonly metrics: readonly MetricData[] }[]> {
  const { resourceMetrics } = await reader.collect()
  return resourceMetrics.scopeMetrics.map(({ scope, metrics }) => ({ scope: scope.name, metrics }))
}

const sumOf = (metric: MetricData | undefined, state?: string): number =>
  (metric?.dataPoints ?? [])
    .filter(({ attributes }) => state === undefined || attributes['db.client.connection.state'] === state)
    .reduce((sum, { value }) => sum + Number(value), 0)

test('each connection is counted once, under the same name by whoever counts', async () => {
  const held = [await db.acquireMaster(), await db.acquireMaster(), await db.acquireMaster()]
  const scopes = await collect()
  const counts = scopes.flatMap(({ scope, metrics }) =>
    metrics.filter(({ descriptor }) => descriptor.name === COUNT).map((metric) => ({ scope, metric })),
  )
  expect(counts.map(({ scope }) => scope)).toEqual(['@opentelemetry/instrumentation-pg'])
  expect(sumOf(counts[0]?.metric, 'used')).toBe(3)
  const namesOf = (name: string): ReadonlySet<unknown> =>
    new Set(
      scopes.flatMap(({ metrics }) =>
        metrics
          .filter(({ descriptor }) => descriptor.name === name)
          .flatMap(({ dataPoints }) =>
            dataPoints.map(({ attributes }) => attributes['db.client.connection.pool.name']),
          ),
      ),
    )
  expect(namesOf(COUNT)).toEqual(namesOf('db.client.connection.limit'))
  for (const each of held) each.release()
})

test('nor is it counted again when it is taken from the pool of a role', async () => {
  const client = await db.masterPool.connect()
  await client.query('select 1')
  const counted = (await collect()).flatMap(({ metrics }) =>
    metrics.filter(({ descriptor }) => descriptor.name === COUNT),
  )
  expect(counted).toHaveLength(1)
  expect(sumOf(counted[0], 'used')).toBe(1)
  client.release()
})

test('who waits for a connection is counted once', async () => {
  const held = await Promise.all(Array.from({ length: 10 }, () => db.acquireMaster()))
  const waiting = [db.acquireMaster(), db.acquireMaster()]
  const pending = (await collect()).flatMap(({ metrics }) =>
    metrics.filter(({ descriptor }) => descriptor.name === 'db.client.connection.pending_requests'),
  )
  expect(pending.reduce((sum, metric) => sum + sumOf(metric), 0)).toBe(2)
  for (const each of held) each.release()
  for (const each of waiting) (await each).release()
})

test('without that instrumentation hasql counts them itself', async () => {
  instrumentation.disable()
  const held = await db.acquireMaster()
  const own = (await collect()).find(({ scope }) => scope === 'hasql')
  const metric = own?.metrics.find(({ descriptor }) => descriptor.name === COUNT)
  expect(sumOf(metric, 'used')).toBe(1)
  held.release()
})
