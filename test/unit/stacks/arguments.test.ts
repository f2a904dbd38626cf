import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DEFAULT_RESULTS, parseArguments, selectPairs } from '../../stacks/frame/arguments.ts'
import { missing } from '../../stacks/frame/needs.ts'
import { pairTable } from '../../stacks/frame/report.ts'
import type { Scenario } from '../../stacks/frame/scenario.ts'
import type { StackKind } from '../../stacks/frame/stack.ts'
import { STACKS } from '../../stacks/stacks.ts'

const scenario = (name: string): Scenario => ({ name, says: `${name} happens`, run: async () => [] })
const stack = (name: string, ...names: readonly string[]): StackKind => ({
  ...{ name, title: name, needs: [], scenarios: names.map(scenario) },
  start: async () => {
    throw new Error('Nothing is started here')
  },
})
const stacks = [stack('patroni', 'switchover', 'restart'), stack('haproxy', 'switchover')]
const named = (only: readonly string[]): readonly string[] =>
  selectPairs(stacks, only).map((pair) => `${pair.stack.name}/${pair.scenario.name}`)

describe('the command line', () => {
  test('without arguments: every pair once, on both drivers', () => {
    expect(parseArguments([])).toEqual({
      ...{ list: false, only: [], runs: 1, drivers: ['pg', 'postgres'], resume: false, results: DEFAULT_RESULTS },
    })
  })

  test('everything at once', () => {
    const args = ['--only', 'patroni, haproxy/switchover', '--only', '/restart', '--runs', '3', '--driver', 'pg']
    expect(parseArguments([...args, '--resume', '--results', 'there.jsonl'])).toEqual({
      ...{ list: false, only: ['patroni', 'haproxy/switchover', '/restart'], runs: 3, drivers: ['pg'] },
      ...{ resume: true, results: 'there.jsonl' },
    })
  })

  test.each([
    [['--runs', '0'], '--runs'],
    [['--runs', '1.5'], '--runs'],
    [['--driver', 'mysql'], '--driver'],
    [['--quick'], '--quick'],
  ])('%j names itself', (args, name) => {
    expect(() => parseArguments(args)).toThrow(name)
  })
})

describe('the table of pairs', () => {
  test('all of them, in the order of the stacks', () => {
    expect(named([])).toEqual(['patroni/switchover', 'patroni/restart', 'haproxy/switchover'])
  })

  test.each([
    [['haproxy'], ['haproxy/switchover']],
    [
      ['haproxy', 'patroni/restart'],
      ['patroni/restart', 'haproxy/switchover'],
    ],
    [['/switchover'], ['patroni/switchover', 'haproxy/switchover']],
  ])('--only %j', (only, pairs) => {
    expect(named(only)).toEqual(pairs)
  })

  test('what is not there is named', () => {
    expect(() => selectPairs(stacks, ['patroni', 'haproxy/restart'])).toThrow('there is no haproxy/restart')
  })

  test('is printed with a column for each stack', () => {
    const lines = pairTable(stacks).split('\n')
    expect(lines[0]).toMatch(/^scenario +patroni +haproxy +what happens$/)
    expect(lines[2]).toMatch(/^switchover +x +x +switchover happens$/)
    expect(lines[3]).toMatch(/^restart +x +restart happens$/)
    expect(lines.at(-1)).toBe('3 pairs of 2 scenarios and 2 stacks')
  })
})

describe('what is missing', () => {
  const needs = [
    { program: 'etcd', debianPackage: 'etcd-server' },
    { program: 'pg_ctl', paths: ['/pg/bin'], debianPackage: 'postgresql-15' },
  ]

  test('nothing, when each program is on the PATH or in its own place', () => {
    const there = new Set(['/bin/etcd', '/pg/bin/pg_ctl'])
    expect(missing(needs, (path) => there.has(path), '/bin')).toBeUndefined()
  })

  test('is told with the command that installs it, each package once', () => {
    const text = missing([...needs, ...needs], (path) => path === '/bin/etcd', '/bin')
    expect(text).toBe(
      'pg_ctl not found; install with: apt-get update && apt-get install --no-install-recommends postgresql-15',
    )
  })
})

test('the page has the table of pairs as --list prints it', () => {
  const page = readFileSync('docs/stacks.md', 'utf8')
  expect(page).toContain(`\`\`\`text\n${pairTable(STACKS)}\n\`\`\``)
})
