import type { FaultReport } from '../../examples/failover-demo/faults.ts'

/** The first good write after a promotion: half of all runs must not take longer than this. */
const MEDIAN_FIRST_WRITE_MS = 25

type Measure = 'detectMs' | 'firstWriteMs' | 'hungMs'

/** Median and worst of each measure over all runs, fault by fault. */
export function summary(reports: readonly FaultReport[]): string {
  const head = ['fault', 'detected', 'first write', 'hung rejected', 'failed ops', 'stale writes']
  const rows = [...groups(reports)].map(([fault, group]) => [
    fault,
    spread(group, 'detectMs'),
    spread(group, 'firstWriteMs'),
    spread(group, 'hungMs'),
    `${quantile(failed(group), 0.5)} / ${Math.max(...failed(group))}`,
    String(group.reduce((sum, { staleWrites }) => sum + staleWrites, 0)),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [
    `median / worst of ${[...groups(reports)][0]?.[1].length ?? 0} runs, in ms`,
    line(head),
    ...rows.map(line),
  ].join('\n')
}

/** Bounds that hold for the median of all runs. */
export function medianBounds(reports: readonly FaultReport[]): readonly string[] {
  return [...groups(reports)].flatMap(([fault, group]) => {
    const values = measured(group, 'firstWriteMs')
    const median = values.length === 0 ? 0 : quantile(values, 0.5)
    if (median <= MEDIAN_FIRST_WRITE_MS) return []
    return [
      `${fault}: the median of the first good write is ${median.toFixed(1)} ms, but may be ${MEDIAN_FIRST_WRITE_MS} at most`,
    ]
  })
}

function groups(reports: readonly FaultReport[]): ReadonlyMap<string, FaultReport[]> {
  const byFault = new Map<string, FaultReport[]>()
  for (const report of reports) byFault.set(report.fault, [...(byFault.get(report.fault) ?? []), report])
  return byFault
}

function measured(group: readonly FaultReport[], measure: Measure): number[] {
  return group.map((report) => report[measure]).filter((value) => value !== undefined)
}

function failed(group: readonly FaultReport[]): number[] {
  return group.map(({ failedReads, failedWrites }) => failedReads + failedWrites)
}

function spread(group: readonly FaultReport[], measure: Measure): string {
  const values = measured(group, measure)
  return values.length === 0 ? '-' : `${quantile(values, 0.5).toFixed(1)} / ${Math.max(...values).toFixed(1)}`
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
