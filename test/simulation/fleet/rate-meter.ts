/** Events are counted in slices of this length. */
const SLICE_MS = 10

/** Counts events over time, and finds the fullest window. */
export class RateMeter {
  readonly #slices: number[] = []

  count(atMs: number): void {
    const slice = Math.floor(atMs / SLICE_MS)
    this.#slices[slice] = (this.#slices[slice] ?? 0) + 1
  }

  /** The most events in any window of this length, between two times. */
  peak(windowMs: number, fromMs: number, untilMs: number): number {
    const width = Math.round(windowMs / SLICE_MS)
    const last = Math.ceil(untilMs / SLICE_MS)
    let inside = 0
    let most = 0
    for (let slice = Math.floor(fromMs / SLICE_MS), seen = 0; slice < last; slice += 1, seen += 1) {
      inside += this.#slices[slice] ?? 0
      if (seen >= width) inside -= this.#slices[slice - width] ?? 0
      most = Math.max(most, inside)
    }
    return most
  }
}
