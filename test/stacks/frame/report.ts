import type { Result } from './results.ts'
import type { StackKind } from './stack.ts'

/** Which scenarios run on which stacks, as a table in plain text. */
export function pairTable(stacks: readonly StackKind[]): string {
  const scenarios = new Map(stacks.flatMap((stack) => stack.scenarios.map((each) => [each.name, each.says] as const)))
  const rows = [...scenarios].map(([name, says]) => [
    name,
    ...stacks.map((stack) => (stack.scenarios.some((each) => each.name === name) ? 'x' : '')),
    says,
  ])
  const pairs = stacks.reduce((sum, stack) => sum + stack.scenarios.length, 0)
  const head = ['scenario', ...stacks.map(({ name }) => name), 'what happens']
  return `${table(head, rows, [])}\n\n${pairs} pairs of ${scenarios.size} scenarios and ${stacks.length} stacks`
}

/** All runs of a commit by pair and driver: how many were kept, medians and worst, and what must not be. */
export function resultTable(results: readonly Result[]): string {
  const groups = new Map<string, Result[]>()
  for (const result of results) {
    const key = `${result.stack}/${result.scenario} ${result.driver}`
    groups.set(key, [...(groups.get(key) ?? []), result])
  }
  const head = ['stack/scenario', 'driver', 'runs', 'kept', 'first write: median', 'worst', 'failed operations']
  const rows = [...groups.values()].map((group) => {
    const [first] = group
    const sum = (value: (result: Result) => number): string => String(group.reduce((all, each) => all + value(each), 0))
    const writes = group.flatMap(({ figures }) => (figures.firstWriteMs === undefined ? [] : [figures.firstWriteMs]))
    const sorted = writes.sort((one, other) => one - other)
    const median = sorted[Math.floor((sorted.length - 1) / 2)]
    return [
      `${first?.stack ?? ''}/${first?.scenario ?? ''}`,
      first?.driver ?? '',
      String(group.length),
      String(group.filter(({ failures }) => failures.length === 0).length),
      median === undefined ? '' : `${median} ms`,
      sorted.length === 0 ? '' : `${sorted.at(-1) ?? 0} ms`,
      sum(({ figures }) => figures.failed),
      sum(({ figures }) => figures.lost),
      sum(({ figures }) => figures.lostByPostgres),
      sum(({ figures }) => figures.doubled),
      sum(({ figures }) => figures.uncaught),
      String(Math.max(...group.map(({ figures }) => figures.probes))),
    ]
  })
  const all = [...head, 'lost', "PostgreSQL's own loss", 'doubled', 'uncaught', 'most probes']
  return table(all, rows, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
}

function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
