/** How many durations were at most so long; those of the smaller buckets are counted too. */
export interface DurationBucket {
  readonly upToMs: number
  readonly count: number
}

/** How long something took, so far; all zero before the first. */
export interface Durations {
  readonly count: number
  /** All of them together, in milliseconds. */
  readonly sumMs: number
  readonly maxMs: number
  /** Percentiles, right to 7 % or 5 microseconds; of what is longer than the largest bucket only `maxMs` is known. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  /** From 0.1 ms to 10 s; what took longer is in `count` alone. */
  readonly buckets: readonly DurationBucket[]
}

/** The bounds that OpenTelemetry's conventions have for databases are among them. */
const BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
/** Each bucket is counted in so many equal steps. */
const STEPS = 24
/** The one step of what is longer than all bounds. */
const BEYOND = BOUNDS_MS.length * STEPS
/** Beside the counts are kept, to be in the processor's cache with one another, how many there are, their sum, and the longest. */
const [COUNT, SUM, MAX] = [BEYOND + 1, BEYOND + 2, BEYOND + 3]

const FROM_MS = Float64Array.of(0, ...BOUNDS_MS)
const TO_MS = Float64Array.of(...BOUNDS_MS, Infinity)
const STEPS_PER_MS = TO_MS.map((toMs, place) => STEPS / (toMs - (FROM_MS[place] ?? 0)))

/**
 * Counts durations: each lease has two of them, so this is quick. `createHistogram` of `node:perf_hooks` takes longer, and cannot say
 * how many were below a bound. What was never recorded takes no memory.
 */
export class DurationHistogram {
  #steps: Float64Array | undefined
  #copy: Durations | undefined

  record(durationMs: number): void {
    const steps = (this.#steps ??= new Float64Array(BEYOND + 4))
    const step = stepOf(durationMs)
    steps[step] = (steps[step] ?? 0) + 1
    steps[COUNT] = (steps[COUNT] ?? 0) + 1
    steps[SUM] = (steps[SUM] ?? 0) + durationMs
    if (durationMs > (steps[MAX] ?? 0)) steps[MAX] = durationMs
  }

  get count(): number {
    return this.#steps?.[COUNT] ?? 0
  }

  get sumMs(): number {
    return this.#steps?.[SUM] ?? 0
  }

  get #maxMs(): number {
    return this.#steps?.[MAX] ?? 0
  }

  /** A frozen copy; the same one as long as nothing was recorded. */
  copy(): Durations {
    if (this.#copy?.count === this.count) return this.#copy
    return (this.#copy = this.#summary())
  }

  /** One walk over the steps finds the percentiles, each the upper end of the step in which its nearest rank is, and the buckets. */
  #summary(): Durations {
    const { count, sumMs } = this
    const maxMs = this.#maxMs
    const buckets: DurationBucket[] = []
    const [p50, p90, p99] = [rankOf(0.5, count), rankOf(0.9, count), rankOf(0.99, count)]
    let [p50Ms, p90Ms, p99Ms] = [maxMs, maxMs, maxMs]
    let upTo = 0
    for (const [place, upToMs] of BOUNDS_MS.entries()) {
      for (let step = place * STEPS; step < (place + 1) * STEPS; step += 1) {
        const more = this.#steps?.[step] ?? 0
        if (more === 0) continue
        const endMs = Math.min(maxMs, endOfStepMs(step))
        if (upTo < p50 && upTo + more >= p50) p50Ms = endMs
        if (upTo < p90 && upTo + more >= p90) p90Ms = endMs
        if (upTo < p99 && upTo + more >= p99) p99Ms = endMs
        upTo += more
      }
      buckets.push({ upToMs, count: upTo })
    }
    return Object.freeze({ count, sumMs, maxMs, p50Ms, p90Ms, p99Ms, buckets: Object.freeze(buckets) })
  }
}

/** Which one of so many, in order, has such a share of them below it or at it. */
function rankOf(share: number, count: number): number {
  return Math.max(1, Math.ceil(share * count))
}

function stepOf(durationMs: number): number {
  let place = 0
  while (durationMs > (TO_MS[place] ?? Infinity)) place += 1
  const step = Math.trunc((durationMs - (FROM_MS[place] ?? 0)) * (STEPS_PER_MS[place] ?? 0))
  // The bound itself is in the last step, and what a clock that goes backwards measures in the first.
  return place * STEPS + (step >= STEPS ? STEPS - 1 : step < 0 ? 0 : step)
}

function endOfStepMs(step: number): number {
  const place = Math.floor(step / STEPS)
  return (FROM_MS[place] ?? 0) + ((step % STEPS) + 1) / (STEPS_PER_MS[place] ?? 1)
}
