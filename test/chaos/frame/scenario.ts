import type { Random } from 'hasql/pg'

/** One thing a scenario measured, and what it may be. */
export interface Measure {
  readonly name: string
  readonly value: number
  readonly bound: number
  readonly unit: 'ms' | ''
  /** Whether the bound is the most or the least the value may be. */
  readonly sense: 'most' | 'least'
}

/** What came of one run of one scenario. */
export interface Outcome {
  readonly measures: readonly Measure[]
  /** Invariants broken, in words; empty when all is well. */
  readonly violations: readonly string[]
  /** What helps to read the measures. */
  readonly notes: readonly string[]
}

/** What a run is told. */
export interface RunContext {
  /** The short form: fewer rounds of the same thing. */
  readonly quick: boolean
  /** How long the scenarios that run by the clock take; undefined: their own default. */
  readonly minutes: number | undefined
  readonly seed: number
  readonly random: Random
}

/** One fault, or a small family of them, with its bars. */
export interface Scenario {
  /** Its number, for example `R12`. */
  readonly row: string
  readonly name: string
  run(context: RunContext): Promise<Outcome>
}

/** A time in milliseconds that may be `bound` at most. */
export function atMostMs(name: string, value: number, bound: number): Measure {
  return { name, value, bound, unit: 'ms', sense: 'most' }
}

/** A count that may be `bound` at most. */
export function atMost(name: string, value: number, bound: number): Measure {
  return { name, value, bound, unit: '', sense: 'most' }
}

/** A count that must be `bound` at least. */
export function atLeast(name: string, value: number, bound: number): Measure {
  return { name, value, bound, unit: '', sense: 'least' }
}

/** Whether a measure keeps its bound; what is not a number keeps none. */
export function isKept({ value, bound, sense }: Measure): boolean {
  return sense === 'most' ? value <= bound : value >= bound
}
