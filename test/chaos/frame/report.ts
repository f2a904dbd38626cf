import { isKept } from './scenario.ts'
import type { Measure, Outcome, Scenario } from './scenario.ts'

/** One run of one scenario. */
export interface Result {
  readonly scenario: Pick<Scenario, 'row' | 'name'>
  readonly outcome: Outcome
  readonly tookMs: number
}

/** Each missed bound and each broken invariant, in words; empty when the run was good. */
export function failuresOf({ scenario, outcome }: Result): readonly string[] {
  const missed = outcome.measures.filter((measure) => !isKept(measure))
  return [
    ...missed.map((measure) => {
      const { name, bound, sense } = measure
      return `${scenario.row} ${scenario.name}: ${name} is ${shown(measure)}, but must be ${bound} at ${sense}`
    }),
    ...outcome.violations.map((text) => `${scenario.row} ${scenario.name}: ${text}`),
  ]
}

/** Bound, median and worst of every measure over all runs, as a table in plain text. */
export function reportTable(results: readonly Result[]): string {
  const head = ['', 'scenario', 'measure', 'bound', 'median', 'worst', '']
  const rows = [...byScenario(results)].flatMap(([title, runs]) => measureRows(title, runs))
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column >= 3 && column <= 5 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

type Title = readonly [row: string, name: string]

function byScenario(results: readonly Result[]): ReadonlyMap<Title, readonly Result[]> {
  const groups = new Map<string, readonly [Title, Result[]]>()
  for (const result of results) {
    const { row, name } = result.scenario
    const key = `${row} ${name}`
    const group = groups.get(key) ?? ([[row, name], []] as const)
    group[1].push(result)
    groups.set(key, group)
  }
  return new Map(groups.values())
}

function measureRows([row, name]: Title, runs: readonly Result[]): string[][] {
  const measures = runs.flatMap(({ outcome }) => outcome.measures)
  const names = [...new Set(measures.map((measure) => measure.name))]
  const broken = runs.reduce((sum, { outcome }) => sum + outcome.violations.length, 0)
  return [
    ...names.map((each) => measureRow(measures.filter((measure) => measure.name === each))),
    ['invariants broken', '<= 0', '', String(broken), broken === 0 ? 'ok' : 'BROKEN'],
  ].map((cells, index) => [index === 0 ? row : '', index === 0 ? name : '', ...cells])
}

function measureRow(group: readonly Measure[]): string[] {
  const sorted = [...group].sort((one, other) => one.value - other.value)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  const worst = sorted[0]?.sense === 'least' ? sorted[0] : sorted.at(-1)
  if (median === undefined || worst === undefined) return []
  const bound = `${worst.sense === 'most' ? '<=' : '>='} ${withUnit(String(worst.bound), worst)}`
  return [
    worst.name,
    bound,
    withUnit(shown(median), median),
    withUnit(shown(worst), worst),
    sorted.every(isKept) ? 'ok' : 'MISSED',
  ]
}

function withUnit(text: string, { unit }: Measure): string {
  return unit === '' ? text : `${text} ${unit}`
}

function shown({ value, unit }: Measure): string {
  return unit === 'ms' && value < 10 ? value.toFixed(1) : String(Math.round(value * 100) / 100).replace(/\.\d+$/, '')
}
