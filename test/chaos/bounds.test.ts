import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Drill } from '../../examples/failover-demo/drill.ts'
import { FAULTS } from '../../examples/failover-demo/faults.ts'
import type { FaultReport } from '../../examples/failover-demo/faults.ts'
import { missedBounds } from '../../examples/failover-demo/report.ts'

describe('a real cluster keeps its bounds through', () => {
  let drill: Drill
  const escaped: unknown[] = []
  const catchEscaped = (error: unknown): void => void escaped.push(error)

  beforeAll(async () => {
    process.on('uncaughtException', catchEscaped)
    process.on('unhandledRejection', catchEscaped)
    drill = await Drill.start()
    await drill.settle()
  })

  afterAll(async () => {
    await drill[Symbol.asyncDispose]()
    process.off('uncaughtException', catchEscaped)
    process.off('unhandledRejection', catchEscaped)
    expect(escaped).toEqual([])
  })

  test.each(FAULTS.map((fault) => [fault.name, fault] as const))('%s', async (_name, fault) => {
    const report = await fault(drill)
    expect(missedBounds(patient(report))).toEqual([])
  })
})

/** The whole test run keeps the machine busy, so here each bound in time is twice what `npm run chaos:demo` holds. */
function patient(report: FaultReport): FaultReport {
  const twice = (bound: number | undefined): number | undefined => (bound === undefined ? undefined : 2 * bound)
  const { detectBoundMs, firstWriteBoundMs, hungBoundMs } = report
  const bounds = { detectBoundMs: twice(detectBoundMs), firstWriteBoundMs: twice(firstWriteBoundMs) }
  return { ...report, ...bounds, hungBoundMs: twice(hungBoundMs) }
}
