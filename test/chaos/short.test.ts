import { describe, expect, test } from 'vitest'
import { failuresOf } from './frame/report.ts'
import type { Result } from './frame/report.ts'
import { runScenario } from './frame/run-scenario.ts'
import type { Measure } from './frame/scenario.ts'
import { SCENARIOS } from './scenarios.ts'

/** One of each kind of fault; the whole is `npm run chaos`. The faults of the demo are in bounds.test.ts. */
const SHORT = ['R1', 'R4', 'R8', 'R10', 'R12', 'R14', 'R15', 'R17', 'R22', 'R28', 'R29']
/** These go on for long by themselves, or take a median themselves. */
const ONCE = ['R28', 'R29']
/** What is a matter of milliseconds is judged by the median of so many runs; all else must hold in each. */
const RUNS = 3

const context = { quick: true, minutes: undefined, seed: 20_260_101 }

describe('bounds and invariants are kept through', () => {
  test.each(
    SCENARIOS.filter(({ row }) => SHORT.includes(row)).map(
      (scenario) => [scenario.row, scenario.name, scenario] as const,
    ),
  )('%s %s', async (row, _name, scenario) => {
    const results: Result[] = []
    const runs = ONCE.includes(row) ? 1 : RUNS
    while (results.length < runs) results.push(await runScenario(scenario, context))
    expect(results.flatMap((result) => failuresOf(withMeasures(result, ({ unit }) => unit === '')))).toEqual([])
    expect(failuresOf(medianOf(results))).toEqual([])
    for (const { outcome } of results) expect(outcome.measures.length).toBeGreaterThan(0)
  })
})

function withMeasures(result: Result, isKept: (measure: Measure) => boolean): Result {
  return { ...result, outcome: { ...result.outcome, measures: result.outcome.measures.filter(isKept) } }
}

/** The median of each time; the machine may be any, so here each may be twice what `npm run chaos` allows. */
function medianOf(results: readonly Result[]): Result {
  const [first] = results
  if (first === undefined) throw new RangeError('nothing was run')
  const measures = first.outcome.measures
    .filter(({ unit }) => unit === 'ms')
    .map((measure) => {
      const values = results.map(
        ({ outcome }) => outcome.measures.find(({ name }) => name === measure.name)?.value ?? NaN,
      )
      const value = values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
      return { ...measure, value, bound: measure.sense === 'most' ? 2 * measure.bound : measure.bound / 2 }
    })
  return { ...first, outcome: { measures, violations: [], notes: [] } }
}
