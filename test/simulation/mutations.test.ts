import { afterAll, expect, test } from 'vitest'
import { MutantNursery } from './mutant.ts'
import type { Mutation } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'
import { runSeed } from './run-seed.ts'
import { scenarioOf } from './scenario.ts'

/** Every bug must be found within this many runs. */
const MOST_RUNS = 1_000

const nursery = new MutantNursery()
afterAll(() => nursery.close(), 60_000)

test('the copy without a bug runs like the original', async () => {
  const sound = await nursery.breed()
  for (let seed = 1; seed <= 20; seed += 1) expect((await runSeed(seed, sound)).violation).toBeUndefined()
})

test.each(MUTATIONS)('found: $name', async (mutation) => {
  const mutant = await nursery.breed(mutation)
  let runs = 0
  for (let seed = 1; runs < MOST_RUNS; seed += 1) {
    if (!suits(seed, mutation)) continue
    runs += 1
    const { violation } = await runSeed(seed, mutant)
    if (violation === undefined) continue
    console.log(`${mutation.name}: ${violation.invariant} is broken by seed ${seed}`)
    // A mutant that throws is broken, not buggy.
    return expect(violation.invariant).not.toBe('I7')
  }
  expect.fail(`not found in ${MOST_RUNS} runs`)
})

function suits(seed: number, { needs, endpoints }: Mutation): boolean {
  if (endpoints === true && scenarioOf(seed).endpoints === 'none') return false
  return needs === undefined || scenarioOf(seed).faults.some(({ kind }) => kind === needs)
}
