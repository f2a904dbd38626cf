import { expect, test } from 'vitest'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { missedBounds } from './bounds.ts'
import { runFleetPart } from './fleet.ts'
import { wordPhase } from './fleet-report.ts'
import { PHASES } from './phases.ts'

const PROCESSES = 50

test(`law 9: a fleet of ${PROCESSES} processes neither storms nor waits`, async () => {
  const results = await runFleetPart({ fleet: PROCESSES, first: 0, count: PROCESSES }, { BasePoolManager })
  for (const result of results) console.log(wordPhase(result))
  expect(results.flatMap(missedBounds)).toEqual([])
  expect(results.map(({ phase }) => phase)).toEqual(PHASES.map((_, index) => index))
})
