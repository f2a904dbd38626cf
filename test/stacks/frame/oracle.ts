import type { StackNode } from './stack.ts'

/** A stretch of time in which one server accepted the oracle's inserts on one timeline, without a gap. */
export interface Era {
  readonly node: string
  readonly timeline: number
  readonly fromMs: number
  /** `Infinity` while it lasts. */
  readonly untilMs: number
}

/** A process of its own that asks every server directly every 5 ms, and tries its own insert on whoever is writable. */
export interface Oracle {
  readonly eras: readonly Era[]
  /** The first era that began after a moment and fits; rejects after the limit. */
  era(what: string, fits: (era: Era) => boolean, timeoutMs?: number): Promise<Era>
  stateOf(node: StackNode): 'down' | 'replica' | 'master'
}
