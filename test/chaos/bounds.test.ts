import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Drill } from '../../examples/failover-demo/drill.ts'
import { FAULTS } from '../../examples/failover-demo/faults.ts'
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
    expect(missedBounds(report)).toEqual([])
  })
})
