import { createHistogram } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'

/** How many durations were at most so long; those of the smaller buckets are counted too. */
export interface DurationBucket {
  readonly upToMs: number
  readonly count: number
}

/** How long something took, so far; all zero before the first. Percentiles are right to 7 %. */
export interface Durations {
  readonly count: number
  /** All of them together, in milliseconds. */
  readonly sumMs: number
  readonly maxMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /** From 0.1 ms to 10 s; what took longer is in `count` alone. */
  readonly buckets: readonly DurationBucket[]
}

/** The bounds that OpenTelemetry's conventions have for databases are among them. */
const BOUNDS_MS: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
/** Recorded in whole microseconds; a day is more than anything here lasts. */
const LONGEST_US = 86_400_000_000

/** Counts durations at some ten nanoseconds each. What was never recorded takes no memory. */
export class DurationHistogram {
  #count = 0
  #sumMs = 0
  #maxMs = 0
  readonly #counts: number[] = []
  #percentiles: RecordableHistogram | undefined
  #copy: Durations | undefined

  record(durationMs: number): void {
    this.#count += 1
    this.#sumMs += durationMs
    if (durationMs > this.#maxMs) this.#maxMs = durationMs
    let place = 0
    while (durationMs > (BOUNDS_MS[place] ?? Infinity)) place += 1
    this.#counts[place] = (this.#counts[place] ?? 0) + 1
    this.#percentiles ??= createHistogram({ lowest: 1, highest: LONGEST_US, figures: 1 })
    this.#percentiles.record(Math.min(LONGEST_US, Math.max(1, Math.round(durationMs * 1_000))))
  }

  /** A frozen copy; the same one as long as nothing was recorded. */
  copy(): Durations {
    if (this.#copy?.count === this.#count) return this.#copy
    // The histogram answers with the upper end of a step, which may be beyond the longest.
    const at = (percent: number): number => Math.min(this.#maxMs, (this.#percentiles?.percentile(percent) ?? 0) / 1_000)
    let count = 0
    const buckets = BOUNDS_MS.map((upToMs, place) => ({ upToMs, count: (count += this.#counts[place] ?? 0) }))
    this.#copy = Object.freeze({
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      buckets: Object.freeze(buckets),
    })
    return this.#copy
  }
}
