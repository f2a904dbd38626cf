import { expect, test } from 'vitest'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { SITUATIONS } from './situations.ts'
import type { Situation } from './situations.ts'
import type { Cut, Intervention, Told } from './story.ts'
import { INTERVENTIONS, Story } from './story.ts'

forbidEscapedErrors()

/** How many promise reactions into a turn an intervention comes. */
const DEPTHS = [0, 1, 2, 3, 5]

/** Tells the story with these cuts; fails with what was left over, and how to see it again. */
async function tell(situation: Situation, cuts: readonly Cut[]): Promise<Told> {
  const told = await new Story(situation, cuts).tell()
  if (told.problems.length > 0) expect.fail(`${situation.name}, ${JSON.stringify(cuts)}: ${told.problems.join('; ')}`)
  return told
}

test.each(SITUATIONS)('law 8: an acquire is cut in at every turn: $name', async (situation) => {
  const { turns, outcome } = await tell(situation, [])
  expect(outcome).toBe('leased')
  expect(turns).toBeGreaterThan(5)
  const outcomes = new Map<string, number>()
  for (const kind of INTERVENTIONS) {
    for (let turn = 0; turn <= turns; turn += 1) {
      for (const depth of DEPTHS) {
        const told = await tell(situation, [{ kind, turn, depth }])
        const key = `${kind}: ${told.outcome}`
        outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
      }
    }
  }
  console.log(situation.name, turns, Object.fromEntries(outcomes))
  // Each of them came early enough to matter, if anything does, and late enough not to.
  const cuts = ['abort: ERR_HASQL_ABORTED', 'close: ERR_HASQL_CLOSED', 'terminate: ERR_HASQL_CLOSED']
  for (const code of situation.isLentAtOnce === true ? [] : cuts) expect([...outcomes.keys()]).toContain(code)
  for (const kind of INTERVENTIONS) expect([...outcomes.keys()]).toContain(`${kind}: leased`)
})

/** One thing after the other: what the second finds is what the first left behind. */
const PAIRS: readonly (readonly [Intervention, Intervention])[] = [
  ['abort', 'close'],
  ['abort', 'host loss'],
  ['host loss', 'abort'],
  ['host loss', 'close'],
  ['host loss', 'terminate'],
  ['timeout', 'close'],
  ['close', 'host loss'],
  ['close', 'terminate'],
]

test.each(SITUATIONS.slice(0, 3))('law 8: an acquire is cut in twice: $name', async (situation) => {
  const { turns } = await tell(situation, [])
  let told = 0
  for (const [first, second] of PAIRS) {
    for (let i = 0; i < turns; i += 1) {
      for (let j = i + 1; j <= turns; j += 1) {
        await tell(situation, [
          { kind: first, turn: i, depth: 0 },
          { kind: second, turn: j, depth: 0 },
        ])
        told += 1
      }
    }
  }
  console.log(situation.name, told, 'pairs')
  expect(told).toBe((PAIRS.length * turns * (turns + 1)) / 2)
})
