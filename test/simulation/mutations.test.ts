import { afterAll, expect, test } from 'vitest'
import { MutantNursery } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'
import { runSeed } from './run-seed.ts'

/** Every bug must be found within this many seeds. */
const MOST_SEEDS = 1_000

const nursery = new MutantNursery()
afterAll(() => nursery.close())

test('the copy without a bug runs like the original', async () => {
  const sound = await nursery.sound()
  for (let seed = 1; seed <= 20; seed += 1) expect((await runSeed(seed, sound)).violation).toBeUndefined()
})

test.each(MUTATIONS)('found: $name', async (mutation) => {
  const mutant = await nursery.breed(mutation)
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const { violation } = await runSeed(seed, mutant)
    if (violation === undefined) continue
    console.log(`${mutation.name}: ${violation.invariant} is broken by seed ${seed}`)
    // A mutant that throws is broken, not buggy.
    return expect(violation.invariant).not.toBe('I7')
  }
  expect.fail(`not found in ${MOST_SEEDS} seeds`)
})
