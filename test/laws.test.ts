import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** The laws of the design; each is named by the title of a test: `law 6: one deadline covers …`. */
const LAWS: readonly number[] = [...Array.from({ length: 15 }, (_, index) => index + 1), 18]

const TITLE = /\b(?:test|describe|scenario|it)(?:\.\w+)*\(\s*(?:[^'`"()]*\)\(\s*)?['`"]law (\d+): \S/g
const TABLE_TITLE = /\]\s*(?:as const\s*)?\)?\s*\(\s*['`"]law (\d+): \S/g

function testSources(): readonly string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.ts$/.test(name) && !name.includes('node_modules'))
    .map((name) => readFileSync(join('test', name), 'utf8'))
}

const named = new Set(
  testSources().flatMap((source) =>
    [TITLE, TABLE_TITLE].flatMap((pattern) => [...source.matchAll(pattern)].map((match) => Number(match[1]))),
  ),
)

test.each(LAWS)('a test names law %i', (law) => {
  expect([...named]).toContain(law)
})

test('no test names a law that does not exist', () => {
  expect([...named].filter((law) => !LAWS.includes(law))).toEqual([])
})
