import { expect, test } from 'vitest'
import { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import { wordFailure } from './report.ts'
import { runSeed } from './run-seed.ts'
import { scenarioOf } from './scenario.ts'

const SEEDS = 2_000
const subject = { BasePoolManager }

test(`the invariants hold in ${SEEDS} simulated lives of a cluster`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violation } = await runSeed(seed, subject)
    if (violation !== undefined) expect.fail(wordFailure(await runSeed(seed, subject, true)))
  }
})

test('a seed is a life: it runs the same way every time', async () => {
  for (const seed of [3, 14, 15]) {
    expect(scenarioOf(seed)).toEqual(scenarioOf(seed))
    const [one, other] = [await runSeed(seed, subject, true), await runSeed(seed, subject, true)]
    expect(one.trace).toEqual(other.trace)
    expect(one.trace.length).toBeGreaterThan(10)
  }
})
