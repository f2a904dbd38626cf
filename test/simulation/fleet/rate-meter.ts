/** Events are counted in slices of this length. */
const SLICE_MS = 10

/** Counts over time, one for each slice. */
export type Slices = readonly number[]

/** Counts events over time. */
export class RateMeter {
  readonly #slices: number[] = []

  count(atMs: number): void {
    const slice = Math.floor(atMs / SLICE_MS)
    this.#slices[slice] = (this.#slices[slice] ?? 0) + 1
  }

  /** The counts between two times. */
  between(fromMs: number, untilMs: number): Slices {
    const length = Math.ceil((untilMs - fromMs) / SLICE_MS)
    const first = Math.floor(fromMs / SLICE_MS)
    return Array.from({ length }, (_, index) => this.#slices[first + index] ?? 0)
  }
}

/** The most events in any window of this length, from a time on that counts from the first slice. */
export function peakOf(slices: Slices, windowMs: number, fromMs: number = 0, untilMs: number = Infinity): number {
  const width = Math.round(windowMs / SLICE_MS)
  const first = Math.floor(fromMs / SLICE_MS)
  let inside = 0
  let most = 0
  for (let slice = first; slice < Math.min(slices.length, untilMs / SLICE_MS); slice += 1) {
    inside += slices[slice] ?? 0
    if (slice - width >= first) inside -= slices[slice - width] ?? 0
    most = Math.max(most, inside)
  }
  return most
}

/** Slice by slice the sum of two counts over the same time. */
export function addSlices(one: Slices, other: Slices): Slices {
  return one.map((count, index) => count + (other[index] ?? 0))
}
