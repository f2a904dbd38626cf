import { expect, test } from 'vitest'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { missedBounds, missedShare } from './bounds.ts'
import { runFleetPart } from './fleet.ts'
import { wordPhase } from './fleet-report.ts'
import { NAIVE, runInParts } from './in-parts.ts'
import { PHASES } from './phases.ts'

const PROCESSES = 50

test(`law 9: a fleet of ${PROCESSES} processes neither storms nor waits`, async () => {
  const results = await runFleetPart({ fleet: PROCESSES, first: 0, count: PROCESSES }, { BasePoolManager })
  const [failover] = results
  const [naive] = await runInParts(PROCESSES, 1, 1, NAIVE)
  for (const result of results) console.log(wordPhase(result, result === failover ? naive : undefined))
  expect(results.flatMap(missedBounds)).toEqual([])
  if (failover === undefined || naive === undefined) throw new Error('nothing was run')
  expect(missedShare(failover, naive, 1.5)).toEqual([])
  expect(results.map(({ phase }) => phase)).toEqual(PHASES.map((_, index) => index))
})
