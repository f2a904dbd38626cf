import { tracingChannel } from 'node:diagnostics_channel'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { durations, instrument } from 'hasql/otel'
import { PoolManager } from 'hasql/pg'
import { registerMetrics } from 'hasql/prometheus'

const LEASES = 10_000
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** OpenTelemetry, Prometheus, a logger, and a subscriber of each channel. */
function switchOn(db: PoolManager): void {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [durations(db)] })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
  })
  instrument(db, { meterProvider, tracerProvider })
  registerMetrics(new Registry(), db)
  const hear = (): void => void (heard += 1)
  const all = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear }
  for (const name of ['hasql:acquire', 'hasql:probe', 'hasql:topology']) tracingChannel(name).subscribe(all)
}

/** Leases one after the other, in nanoseconds of CPU time each. */
async function turn(leases: number): Promise<number> {
  const before = process.cpuUsage()
  for (let count = 0; count < leases; count++) (await db.acquireMaster()).release()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / leases
}

const [side = '', dsn = ''] = process.argv.slice(2)
let heard = 0
const db = new PoolManager(dsn, side === 'on' ? { logger: SILENT } : {})
await db.ready()
if (side === 'on') switchOn(db)
await turn(10 * LEASES)
if (side === 'on' && heard < 10 * LEASES) throw new Error('nothing was switched on')
process.on('message', () => void turn(LEASES).then((ns) => process.send?.(ns)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
