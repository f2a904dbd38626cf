import { describe, expect, test } from 'vitest'
import { failuresOf, reportTable } from '../../chaos/frame/report.ts'
import type { Result } from '../../chaos/frame/report.ts'
import { runScenario } from '../../chaos/frame/run-scenario.ts'
import { atLeast, atMost, atMostMs } from '../../chaos/frame/scenario.ts'
import type { Measure } from '../../chaos/frame/scenario.ts'

const result = (measures: readonly Measure[], violations: readonly string[] = []): Result => ({
  scenario: { row: 'R1', name: 'a fault' },
  outcome: { measures, violations, notes: [] },
  tookMs: 1,
})

describe('a run fails', () => {
  test.each([
    ['above the most a measure may be', atMostMs('stall', 50.1, 50)],
    ['below the least it must be', atLeast('writes', 0, 1)],
    ['when what was to be measured never came', atMostMs('stall', NaN, 50)],
    ['when it never ended', atMost('failures', Infinity, 3)],
  ])('%s', (_when, measure) => {
    expect(failuresOf(result([measure]))).toHaveLength(1)
    expect(reportTable([result([measure])])).toContain('MISSED')
  })

  test('when an invariant is broken', () => {
    expect(failuresOf(result([], ['lost: write 7']))).toEqual(['R1 a fault: lost: write 7'])
    expect(reportTable([result([], ['lost: write 7'])])).toContain('BROKEN')
  })

  test('when the scenario breaks off', async () => {
    const run = (): Promise<never> => Promise.reject(new Error('no replica'))
    const broken = await runScenario({ row: 'R1', name: 'a fault', run }, { quick: true, minutes: undefined, seed: 1 })
    expect(failuresOf(broken)).toEqual([expect.stringContaining('no replica')])
  })
})

test('a run is good at its bounds', () => {
  expect(failuresOf(result([atMostMs('stall', 50, 50), atLeast('writes', 1, 1), atMost('failures', 0, 0)]))).toEqual([])
})

test('the table has the median and the worst of all runs, whichever way is worse', () => {
  const runs = [12, 10, 30].map((value) => result([atMostMs('stall', value, 50), atLeast('writes', value, 5)]))
  const [, , stall, writes] = reportTable(runs).split('\n')
  expect(stall).toMatch(/^R1 +a fault +stall +<= 50 ms +12 ms +30 ms +ok$/)
  expect(writes).toMatch(/^ +writes +>= 5 +12 +10 +ok$/)
})
