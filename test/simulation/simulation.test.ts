import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import { runInProcesses } from './many-seeds.ts'
import { wordFailure, wordFaults } from './report.ts'
import { runSeed } from './run-seed.ts'
import { FAULTS, scenarioOf } from './scenario.ts'

const SEEDS = 10_000
/** About 100 s on two idle cores. */
const LIMIT_MS = 300_000
/** These run in this process, where coverage is measured. */
const SEEDS_HERE = 300
const subject = { BasePoolManager }

test(
  `the invariants hold in ${SEEDS} simulated lives of a cluster`,
  async () => {
    const range = { from: 1, until: SEEDS + 1 }
    const result = await runInProcesses(range, availableParallelism())
    const [seed] = result.failed
    if (seed !== undefined) expect.fail(wordFailure(await runSeed(seed, subject, true)))
    console.log(wordFaults(result))
    expect(result.done).toBe(SEEDS)
    // Neither the faults nor the check of the writes may be for show.
    expect([...result.faults.keys()].sort()).toEqual([...FAULTS].sort())
    for (const [kind, { struck, busy }] of result.faults) expect(busy / struck, kind).toBeGreaterThan(0.5)
    expect(result.writes.kept).toBeGreaterThan(SEEDS)
    expect(result.writes.lost).toBeGreaterThan(0)
    expect(result.writes.again).toBeGreaterThan(20)
    for (const count of Object.values(result.tokens)) expect(count).toBeGreaterThan(SEEDS / 10)
  },
  LIMIT_MS,
)

test(`the invariants hold in ${SEEDS_HERE} more, in this process`, async () => {
  for (let seed = SEEDS + 1; seed <= SEEDS + SEEDS_HERE; seed += 1) {
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
