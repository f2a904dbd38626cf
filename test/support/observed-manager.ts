import { tracingChannel } from 'node:diagnostics_channel'
import { AggregationTemporality, InMemoryMetricExporter } from '@opentelemetry/sdk-metrics'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { durations, instrument } from 'hasql/otel'
import { registerMetrics } from 'hasql/prometheus'
import type { PoolManager } from 'hasql/pg'
import { readPage } from './prometheus-text.ts'
import type { Family } from './prometheus-text.ts'

/** Everything that can watch a manager, with exporters that keep what they get. */
export interface Observers extends AsyncDisposable {
  readonly page: () => Promise<string>
  readonly scrape: () => Promise<readonly Family[]>
  /** What an OTLP exporter would send now. */
  readonly collect: () => Promise<readonly MetricData[]>
  readonly spans: () => readonly ReadableSpan[]
  /** All messages of all channels. */
  readonly messages: object[]
  readonly meterProvider: MeterProvider
}

const CHANNELS = ['hasql:acquire', 'hasql:probe', 'hasql:topology']

export function observers(db: PoolManager, options: { readonly recordDurations?: boolean } = {}): Observers {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const metricProducers = options.recordDurations === true ? [] : [durations(db)]
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const spans = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const registry = new Registry()
  const offs = [instrument(db, { meterProvider, tracerProvider, ...options }), registerMetrics(registry, db)]
  const messages: object[] = []
  const hear = (message: object): void => void messages.push(message)
  const all = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear }
  for (const name of CHANNELS) tracingChannel(name).subscribe(all)
  return {
    page: () => registry.metrics(),
    scrape: async () => readPage(await registry.metrics()),
    collect: async () => {
      const { resourceMetrics, errors } = await reader.collect()
      if (errors.length > 0) throw new AggregateError(errors)
      return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    },
    spans: () => spans.getFinishedSpans(),
    messages,
    meterProvider,
    [Symbol.asyncDispose]: async () => {
      for (const off of offs) off()
      for (const name of CHANNELS) tracingChannel(name).unsubscribe(all)
      await meterProvider.shutdown()
      await tracerProvider.shutdown()
    },
  }
}
