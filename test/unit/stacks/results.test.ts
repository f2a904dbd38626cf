import { describe, expect, test } from 'vitest'
import { resultTable } from '../../stacks/frame/report.ts'
import { keyOf, NO_FIGURES, parseResults, resultsOf } from '../../stacks/frame/results.ts'
import type { Result } from '../../stacks/frame/results.ts'

function result(part: Partial<Result> = {}): Result {
  return {
    ...{ commit: 'c1', stack: 'patroni', scenario: 'switchover', driver: 'pg', run: 1, at: 'now', tookMs: 1 },
    ...{ figures: NO_FIGURES, measures: [], notes: [], failures: [], ...part },
  }
}

const wrote = (firstWriteMs: number, part: Partial<Result> = {}): Result =>
  result({ ...part, figures: { ...NO_FIGURES, firstWriteMs, failed: 2, probes: firstWriteMs / 10 } })

describe('the lines of results', () => {
  test('are read again; what was cut off or is something else is left out', () => {
    const text = `${JSON.stringify(result())}\n{"commit":"c1"}\n${JSON.stringify(result({ run: 2 }))}\n{"commit":"c`
    expect(parseResults(text).map(({ run }) => run)).toEqual([1, 2])
  })

  test('of several sittings on one commit count together, and other commits do not', () => {
    const all = [result(), result({ commit: 'c2', run: 2 }), result({ run: 3 }), result({ driver: 'postgres' })]
    expect(resultsOf(all, 'c1').map(keyOf)).toEqual([
      'patroni/switchover pg 1',
      'patroni/switchover pg 3',
      'patroni/switchover postgres 1',
    ])
  })

  test('a run that was made again counts once, as it came out last', () => {
    const all = [result({ failures: ['late'] }), result()]
    expect(resultsOf(all, 'c1')).toEqual([result()])
  })
})

describe('the table of results', () => {
  test('has a row for each pair and driver, with median and worst', () => {
    const runs = [wrote(30), wrote(10, { run: 2 }), wrote(20, { run: 3, failures: ['late'] })]
    const lines = resultTable([...runs, result({ driver: 'postgres' })]).split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[2]?.split(/  +/)).toEqual([
      ...['patroni/switchover', 'pg', '3', '2', '20 ms', '30 ms', '6', '0', '0', '0', '0', '3'],
    ])
    expect(lines[3]?.split(/  +/)).toEqual([
      ...['patroni/switchover', 'postgres', '1', '1', '0', '0', '0', '0', '0', '0'],
    ])
  })
})
