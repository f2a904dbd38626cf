import { describe, expect, test } from 'vitest'
import { failuresOf } from './frame/report.ts'
import { runScenario } from './frame/run-scenario.ts'
import { SCENARIOS } from './scenarios.ts'

/** One of each kind of fault; the whole is `npm run chaos`. The faults of the demo are in bounds.test.ts. */
const SHORT = ['R1', 'R4', 'R8', 'R10', 'R12', 'R14', 'R15', 'R17', 'R22', 'R28', 'R29']

describe('bounds and invariants are kept through', () => {
  test.each(
    SCENARIOS.filter(({ row }) => SHORT.includes(row)).map(
      (scenario) => [scenario.row, scenario.name, scenario] as const,
    ),
  )('%s %s', async (_row, _name, scenario) => {
    const result = await runScenario(scenario, { quick: true, minutes: undefined, seed: 20_260_101 })
    expect(failuresOf(result)).toEqual([])
    expect(result.outcome.measures.length).toBeGreaterThan(0)
  })
})
