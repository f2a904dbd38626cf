import type { ChangeView, Message, Sample, Span, StateView } from '../src/dashboard/view.ts'

/** Charts show the last minute, two minutes, or five: as much as there is to see. */
const WINDOWS_MS = [60_000, 120_000, 300_000]
const LONGEST_MS = 300_000
const CHANGES_KEPT = 100

/** All that the page knows; messages change it, the parts of the page draw it. */
export class Model {
  state: StateView | undefined
  samples: Sample[] = []
  spans: Span[][] = []
  changes: ChangeView[] = []
  /** What the last message brought for the first time; nothing when the page has just been opened. */
  news: readonly ChangeView[] = []
  #offsetMs = -Infinity

  /** Now, on the manager's clock. */
  get nowMs(): number {
    return performance.now() + this.#offsetMs
  }

  /** How far back the charts go. */
  get windowMs(): number {
    const agedMs = this.nowMs - Math.min(this.samples[0]?.atMs ?? Infinity, this.changes[0]?.atMs ?? Infinity)
    return WINDOWS_MS.find((windowMs) => agedMs <= windowMs || windowMs === LONGEST_MS) ?? LONGEST_MS
  }

  /** The time on the wall at a moment of the manager's clock. */
  wallTime(atMs: number): Date {
    return new Date(Date.now() - (this.nowMs - atMs))
  }

  take({ nowMs, state, changes, tick, history }: Message): void {
    const opened = this.state === undefined
    // The message that was fastest tells best; a clock far ahead is that of another process.
    const offsetMs = nowMs - performance.now()
    const restarted = nowMs < (this.samples.at(-1)?.atMs ?? 0)
    this.#offsetMs = restarted ? offsetMs : Math.max(this.#offsetMs, offsetMs)
    this.state = state
    if (history !== undefined) {
      this.samples = [...history.samples]
      this.spans = history.spans.map((spans) => [...spans])
    }
    const known = restarted ? 0 : (this.changes.at(-1)?.id ?? 0)
    const fresh = changes.filter(({ id }) => id > known)
    this.news = opened ? [] : fresh
    this.changes = [...(restarted ? [] : this.changes), ...fresh].slice(-CHANGES_KEPT)
    this.#follow(state)
    if (tick) this.#sample(nowMs, state)
  }

  /** Leases per second of a host between two samples. */
  ratesOf(index: number): readonly (readonly [number, number | null])[] {
    return this.samples.map((sample, place) => {
      const before = this.samples[place - 1]
      const [now, then] = [sample.hosts[index]?.[2], before?.hosts[index]?.[2]]
      const tookMs = sample.atMs - (before?.atMs ?? 0)
      const known = now !== undefined && then !== undefined && tookMs > 0 && tookMs < 3_000
      return [sample.atMs, known ? ((now - then) * 1_000) / tookMs : null]
    })
  }

  #follow({ hosts }: StateView): void {
    for (const [index, { state, sinceAtMs }] of hosts.entries()) {
      const spans = (this.spans[index] ??= [])
      const last = spans.at(-1)
      if (last?.[1] !== state) spans.push([Math.max(sinceAtMs, last?.[0] ?? -Infinity), state])
      if (spans.length > CHANGES_KEPT) spans.shift()
    }
  }

  #sample(atMs: number, { hosts }: StateView): void {
    this.samples.push({
      atMs,
      hosts: hosts.map(({ responseTimeMs, lagMs, acquires }) => [responseTimeMs ?? null, lagMs ?? null, acquires]),
    })
    while ((this.samples[0]?.atMs ?? Infinity) < atMs - LONGEST_MS - 2_000) this.samples.shift()
  }
}
