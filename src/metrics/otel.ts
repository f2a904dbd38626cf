import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { metrics, trace } from '@opentelemetry/api'
import { OptionsError } from '../errors.ts'
import { recordDurations } from './otel/durations.ts'
import { observe } from './otel/instruments.ts'
import { Names } from './otel/observed-manager.ts'
import type { ObservedManager } from './otel/observed-manager.ts'
import { makeSpans } from './otel/spans.ts'

export { durations } from './otel/durations.ts'
export type { DurationOptions } from './otel/durations.ts'
export type { ObservedManager } from './otel/observed-manager.ts'

/** How a manager is observed; all are optional. */
export interface InstrumentOptions {
  /** Default: the global one of `@opentelemetry/api`. */
  readonly meterProvider?: MeterProvider
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider
  /** Tells several managers of one process apart: it begins the names of their pools. */
  readonly name?: string
  /** Acquires that take at least so long get a span, in milliseconds; default 1. Those that fail always do. */
  readonly spansFromMs?: number
  /**
   * Whether each lease's wait and use are recorded through the meter, which costs more than the lease itself; default false.
   * For programs that do not make the metric reader themselves: who does gives it `durations(db)` instead.
   */
  readonly recordDurations?: boolean
  /**
   * Whether `db.client.connection.count` is exported; default: unless `@opentelemetry/instrumentation-pg` counts the same
   * connections.
   */
  readonly connectionCount?: boolean
}

const KEYS = ['meterProvider', 'tracerProvider', 'name', 'spansFromMs', 'recordDurations', 'connectionCount']

/**
 * Has OpenTelemetry observe a pool manager: metrics whenever they are collected, spans of acquires that waited, and of failovers.
 *
 * ```ts
 * const stop = instrument(db)
 * ```
 * Returns what ends it. Metrics, spans and their attributes are listed in docs/observability.md.
 * @throws {OptionsError} an option is unknown, or `spansFromMs` is no number.
 */
export function instrument(db: ObservedManager, options: InstrumentOptions = {}): () => void {
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw new OptionsError(unknown, `instrument has no option ${unknown}: ${KEYS.join(', ')}`)
  const {
    meterProvider = metrics,
    tracerProvider = trace,
    name,
    spansFromMs = 1,
    recordDurations: all = false,
  } = options
  if (typeof spansFromMs !== 'number' || !(spansFromMs >= 0))
    throw new OptionsError('spansFromMs', 'spansFromMs must be a number of milliseconds, 0 or more')
  const names = new Names(db, name)
  const meter = meterProvider.getMeter('hasql')
  const offs = [
    observe(meter, db, names, options.connectionCount),
    makeSpans({ tracer: tracerProvider.getTracer('hasql'), manager: db, names, fromMs: spansFromMs }),
    ...(all ? [recordDurations(meter, db, names)] : []),
  ]
  return () => {
    for (const off of offs) off()
  }
}
