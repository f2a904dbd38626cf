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
    const { count, sumMs } = this
    if (this.#copy?.count === count) return this.#copy
    const upTo = this.#sums()
    const buckets = BOUNDS_MS.map((upToMs, place) => ({ upToMs, count: upTo[(place + 1) * STEPS - 1] ?? 0 }))
    this.#copy = Object.freeze({
      count,
      sumMs,
      maxMs: this.#maxMs,
      p50Ms: this.#percentile(0.5, upTo),
      p90Ms: this.#percentile(0.9, upTo),
      p99Ms: this.#percentile(0.99, upTo),
      buckets: Object.freeze(buckets),
    })
    return this.#copy
  }

  /** How many were in each step, or in one before it. */
  #sums(): Float64Array {
    const upTo = new Float64Array(BEYOND + 1)
    if (this.#steps === undefined) return upTo
    let count = 0
    for (const step of upTo.keys()) upTo[step] = count += this.#steps[step] ?? 0
    return upTo
  }

  /** The upper end of the step in which the nearest rank is. */
  #percentile(share: number, upTo: Float64Array): number {
    const rank = Math.max(1, Math.ceil(share * this.count))
    const step = upTo.findIndex((count) => count >= rank)
    return step === BEYOND ? this.#maxMs : Math.min(this.#maxMs, endOfStepMs(step))
  }
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
