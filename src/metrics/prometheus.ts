import type { Durations } from './duration-histogram.ts'
import type { ManagerMetrics } from './manager-metrics.ts'
import { FAMILIES } from './prometheus-families.ts'
import type { Family, Labels, Reading } from './prometheus-families.ts'

/** What is used of a pool manager. */
export interface MeasuredManager {
  metrics(): ManagerMetrics
}

/** What is used of prom-client's `Registry`; any copy of it will do. */
export interface PrometheusRegistry {
  registerMetric(metric: { get(): Promise<unknown> }): void
  removeSingleMetric(name: string): void
}

interface Sample {
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

/**
 * Adds the metrics of pool managers to a registry of prom-client; returns what takes them out again.
 *
 * ```ts
 * import { Registry } from 'prom-client'
 *
 * const registry = new Registry()
 * registerMetrics(registry, db)
 * const page = await registry.metrics()
 * ```
 * Several managers are given with names, `{ orders, reports }`, which become the label `manager`. Nothing is measured that is
 * not measured anyway: the figures are those of `metrics()` at each scrape, in seconds. docs/observability.md has them all.
 * @throws {Error} by the registry: a metric of the name is there already; then none is added.
 */
export function registerMetrics(
  registry: PrometheusRegistry,
  managers: MeasuredManager | Readonly<Record<string, MeasuredManager>>,
): () => void {
  const read = oncePerTurn(readerOf(managers))
  const added: string[] = []
  const off = (): void => {
    for (const name of added.splice(0)) registry.removeSingleMetric(name)
  }
  try {
    for (const family of FAMILIES) {
      registry.registerMetric(new Collector(family, read))
      added.push(family.name)
    }
  } catch (error) {
    off()
    throw error
  }
  return off
}

/** All metrics of a scrape are of one moment: the registry asks for them in one turn. */
function oncePerTurn<T>(read: () => T): () => T {
  let current: { readonly value: T } | undefined
  return () => {
    if (current === undefined) {
      current = { value: read() }
      void Promise.resolve().then(() => (current = undefined))
    }
    return current.value
  }
}

type Reader = () => readonly (readonly [Labels, ManagerMetrics])[]

function readerOf(managers: MeasuredManager | Readonly<Record<string, MeasuredManager>>): Reader {
  if (isManager(managers)) return () => [[{}, managers.metrics()]]
  return () => Object.entries(managers).map(([manager, each]) => [{ manager }, each.metrics()])
}

function isManager(given: MeasuredManager | Readonly<Record<string, MeasuredManager>>): given is MeasuredManager {
  return typeof given.metrics === 'function'
}

/** What prom-client takes for a metric. Its name may be changed by the registry, which has conventions of its own. */
class Collector {
  name: string
  readonly help: string
  readonly type: Family['type']
  readonly aggregator = 'sum'
  readonly #family: Family
  readonly #read: Reader

  constructor(family: Family, read: Reader) {
    this.name = family.name
    this.help = family.help
    this.type = family.type
    this.#family = family
    this.#read = read
  }

  get(): Promise<{ readonly name: string; readonly values: readonly Sample[] }> {
    const { name, help, type, aggregator } = this
    const values = this.#read().flatMap(([labels, metrics]) =>
      this.#family.read(metrics).flatMap((reading) => samples(name, labels, reading)),
    )
    return Promise.resolve({ name, help, type, aggregator, values })
  }

  /** What was counted stays counted. */
  reset(): void {
    return
  }
}

function samples(name: string, common: Labels, { labels: own, value }: Reading): Sample[] {
  const labels = { ...common, ...own }
  if (value === undefined) return []
  return typeof value === 'number' ? [{ labels, value }] : histogram(name, labels, value)
}

function histogram(name: string, labels: Labels, { buckets, count, sumMs }: Durations): Sample[] {
  const bounds = [...buckets.map((each) => [each.upToMs / 1_000, each.count] as const), ['+Inf', count] as const]
  return [
    ...bounds.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value })),
    { metricName: `${name}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
