import { tracingChannel } from 'node:diagnostics_channel'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { durations, instrument } from 'hasql/otel'
import { PoolManager } from 'hasql/pg'
import { registerMetrics } from 'hasql/prometheus'

/** Nanoseconds of CPU time, medians over the turns. */
export interface ObservedCost {
  readonly offNs: number
  readonly addedNs: number
}

const TURNS = 40
const LEASES = 10_000
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

async function measure(dsn: string): Promise<ObservedCost> {
  const db = new PoolManager(dsn, { logger: SILENT })
  await db.ready()
  // Both ways are compiled before anything counts.
  await turn(db, 5 * LEASES)
  await observedTurn(db, 5 * LEASES)
  const off: number[] = []
  const added: number[] = []
  for (let count = 0; count < TURNS; count++) {
    const early = count % 2 === 0 ? await turn(db, LEASES) : undefined
    const on = await observedTurn(db, LEASES)
    const without = early ?? (await turn(db, LEASES))
    off.push(without)
    added.push(on - without)
  }
  await db.close()
  return { offNs: median(off), addedNs: median(added) }
}

async function observedTurn(db: PoolManager, leases: number): Promise<number> {
  const stop = switchOn(db)
  const ns = await turn(db, leases)
  await stop()
  return ns
}

/** OpenTelemetry, Prometheus and a subscriber of each channel; the logger has been there from the start. */
function switchOn(db: PoolManager): () => Promise<void> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [durations(db)] })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
  })
  const registry = new Registry()
  const offs = [instrument(db, { meterProvider, tracerProvider }), registerMetrics(registry, db)]
  let heard = 0
  const hear = (): void => void (heard += 1)
  const all = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear }
  const channels = ['hasql:acquire', 'hasql:probe', 'hasql:topology'].map((name) => tracingChannel(name))
  for (const channel of channels) channel.subscribe(all)
  return async () => {
    for (const off of offs) off()
    for (const channel of channels) channel.unsubscribe(all)
    await meterProvider.shutdown()
    if (heard === 0) throw new Error('nothing was switched on')
  }
}

/** One after the other, nanoseconds each; collections and scrapes, one every few seconds, cost the lease nothing. */
async function turn(db: PoolManager, leases: number): Promise<number> {
  const before = process.cpuUsage()
  for (let count = 0; count < leases; count++) (await db.acquireMaster()).release()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / leases
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN
}

const [dsn = ''] = process.argv.slice(2)
process.send?.(await measure(dsn))
process.disconnect()
