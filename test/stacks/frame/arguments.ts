import { parseArgs } from 'node:util'
import type { DriverName, StackKind } from './stack.ts'
import type { Scenario } from './scenario.ts'

/** What the command was asked for. */
export interface Arguments {
  readonly list: boolean
  readonly only: readonly string[]
  readonly runs: number
  readonly drivers: readonly DriverName[]
  readonly resume: boolean
  readonly results: string
}

/** A scenario on a stack. */
export interface Pair {
  readonly stack: StackKind
  readonly scenario: Scenario
}

export const DEFAULT_RESULTS = 'test/stacks/results.jsonl'

/** Reads the command line; what makes no sense names itself. */
export function parseArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      list: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string', default: '1' },
      driver: { type: 'string', default: 'both' },
      resume: { type: 'boolean', default: false },
      results: { type: 'string', default: DEFAULT_RESULTS },
    },
  })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) throw new RangeError('--runs takes a number from 1 to 1000')
  const only = values.only.flatMap((each) => each.split(',')).map((each) => each.trim())
  const { list, resume, results } = values
  return { list, only: only.filter((each) => each !== ''), runs, drivers: driversOf(values.driver), resume, results }
}

function driversOf(text: string): readonly DriverName[] {
  switch (text) {
    case 'both':
      return ['pg', 'postgres']
    case 'pg':
    case 'postgres':
    case 'pg-native':
      return [text]
    default:
      throw new RangeError('--driver takes pg, postgres, pg-native or both')
  }
}

/** The pairs that `--only` names (`stack`, `stack/scenario` or `/scenario`), in the table's order; all of them when it names none. */
export function selectPairs(stacks: readonly StackKind[], only: readonly string[]): readonly Pair[] {
  const all = stacks.flatMap((stack) => stack.scenarios.map((scenario) => ({ stack, scenario })))
  const names = ({ stack, scenario }: Pair): readonly string[] => [
    stack.name,
    `${stack.name}/${scenario.name}`,
    `/${scenario.name}`,
  ]
  const unknown = only.filter((name) => !all.some((pair) => names(pair).includes(name)))
  if (unknown.length > 0) throw new RangeError(`--only: there is no ${unknown.join(', ')}; --list shows what there is`)
  return only.length === 0 ? all : all.filter((pair) => names(pair).some((name) => only.includes(name)))
}
