import type { FaultReport } from './faults.ts'

/** Each bound that a report missed, in words; empty when all were kept. */
export function missedBounds(report: FaultReport): readonly string[] {
  const missed: string[] = []
  const limit = (what: string, value: number | undefined, bound: number | undefined): void => {
    if (value !== undefined && bound !== undefined && !(value <= bound)) {
      missed.push(`${report.fault}: ${what} is ${round(value)}, but may be ${bound} at most`)
    }
  }
  limit('time to detect (ms)', report.detectMs, report.detectBoundMs)
  limit('first good write (ms)', report.firstWriteMs, report.firstWriteBoundMs)
  limit('last hung query rejected (ms)', report.hungMs, report.hungBoundMs)
  limit('failed operations', report.failedReads + report.failedWrites, report.failedBound)
  limit('writes on the stale master', report.staleWrites, 0)
  return missed
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
    missedBounds(report).length === 0 ? 'ok' : 'MISSED',
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
taken out of use; it ran them when it was thawed, and the application had been told that their outcome is unknown.`

function bounded(value: number | undefined, bound: number | undefined): string {
  return value === undefined ? '-' : `${round(value)} ms (<= ${bound ?? '-'})`
}

function round(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value))
}
