import type { FaultReport } from './faults.ts'

/** Each bound that a report missed, in words; empty when all were kept. */
export function missedBounds(report: FaultReport): readonly string[] {
  return [...missedTimes(report), ...brokenPromises(report)]
}

/** The times that were longer than their bounds; how long things take is up to the machine, too. */
export function missedTimes(report: FaultReport): readonly string[] {
  return [
    ...over(report, 'time to detect (ms)', report.detectMs, report.detectBoundMs),
    ...over(report, 'first good write (ms)', report.firstWriteMs, report.firstWriteBoundMs),
    ...over(report, 'last hung query rejected (ms)', report.hungMs, report.hungBoundMs),
  ]
}

/** What may happen on no machine, however slow: more failures than operations in flight, or a write on a stale master. */
export function brokenPromises(report: FaultReport): readonly string[] {
  return [
    ...over(report, 'failed operations', report.failedReads + report.failedWrites, report.failedBound),
    ...over(report, 'writes on the stale master', report.staleWrites, 0),
  ]
}

function over(
  { fault }: FaultReport,
  what: string,
  value: number | undefined,
  bound: number | undefined,
): readonly string[] {
  if (value === undefined || bound === undefined || value <= bound) return []
  return [`${fault}: ${what} is ${round(value)}, but may be ${bound} at most`]
}

/** The reports as a table in plain text. */
export function table(reports: readonly FaultReport[]): string {
  const head = [
    'fault',
    'detected',
    'first write',
    'hung rejected',
    'failed writes',
    'failed reads',
    'stale writes',
    '',
  ]
  const rows = reports.map((report) => [
    report.fault,
    bounded(report.detectMs, report.detectBoundMs),
    bounded(report.firstWriteMs, report.firstWriteBoundMs),
    bounded(report.hungMs, report.hungBoundMs),
    String(report.failedWrites),
    String(report.failedReads),
    `${report.staleWrites}${report.unknownWrites > 0 ? ` (+${report.unknownWrites} unknown)` : ''}`,
    verdict(report),
  ])
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

export const FOOTNOTE = `detected: from the fault to the host being out of use. first write: from the moment the new master accepted a write
to the application's first good one. (+n unknown): writes that were already in the frozen server's socket when it was
taken out of use; it ran them when it was thawed, and the application had been told that their outcome is unknown.
slow: longer than the bound, which is up to the machine, too. BROKEN: what may happen on no machine, however slow.`

/** What the table and the screen say of a fault. */
export function verdict(report: FaultReport): string {
  if (brokenPromises(report).length > 0) return 'BROKEN'
  return missedTimes(report).length > 0 ? 'slow' : 'ok'
}

function bounded(value: number | undefined, bound: number | undefined): string {
  return value === undefined ? '-' : `${round(value)} ms (<= ${bound ?? '-'})`
}

function round(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value))
}
