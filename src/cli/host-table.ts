import type { HostReport } from './report.ts'
import type { Style } from './style.ts'
import type { Column } from './table.ts'
import { fitted, tableLines } from './table.ts'
import { wordBytes, wordTime } from './words.ts'

const orDash = (text: string | null | undefined): string => text ?? '-'

const COLUMNS: readonly Column<HostReport>[] = [
  { title: 'HOST', of: ({ host }) => host },
  { title: 'ROLE', of: ({ role }) => role },
  { title: 'TL', of: ({ timeline }) => orDash(timeline?.toString()), align: 'right', drop: 1 },
  { title: 'LSN', of: ({ lsn }) => orDash(lsn), drop: 2 },
  { title: 'LAG', of: wordLag, align: 'right' },
  { title: 'RESPONSE', of: ({ responseTimeMs: timeMs }) => (timeMs === null ? '-' : wordTime(timeMs)), align: 'right' },
  { title: 'VERSION', of: ({ serverVersion }) => orDash(serverVersion), drop: 4 },
]

const UP: Column<HostReport> = {
  title: 'UP SINCE',
  of: ({ startedAt }) => orDash(startedAt?.replace('T', ' ').replace(/:\d\dZ$/, 'Z')),
  drop: 3,
}
const SEEN: Column<HostReport> = { title: 'SINCE', of: ({ seenForMs }) => wordTime(seenForMs), align: 'right', drop: 3 }
const WHY: Column<HostReport> = { title: 'WHY', of: ({ inUse, why }) => `${inUse ? 'in' : 'out'}: ${why}` }

/** The hosts with everything on one line each, as wide as it gets. */
export function wideTable(hosts: readonly HostReport[], style: Style): readonly string[] {
  return coloured(tableLines(hosts, [...COLUMNS, UP, WHY]), hosts, style)
}

/** The hosts within `width` columns; why one is out stands below it. */
export function narrowTable(
  hosts: readonly HostReport[],
  style: Style,
  width: number,
  since: 'up' | 'seen',
): readonly string[] {
  const lines = coloured(tableLines(hosts, [...COLUMNS, since === 'up' ? UP : SEEN], width), hosts, style)
  const [title = '', ...rows] = lines
  return [title, ...rows.flatMap((row, at) => [row, ...reason(hosts[at], style, width)])]
}

function reason(host: HostReport | undefined, style: Style, width: number): readonly string[] {
  const isPlain = host === undefined || (host.inUse && host.why.split(' ').length <= 3)
  if (isPlain) return []
  return [style('dim', fitted(`  ${host.inUse ? 'in' : 'out'}: ${host.why}`, width))]
}

function coloured(lines: readonly string[], hosts: readonly HostReport[], style: Style): readonly string[] {
  const [title = '', ...rows] = lines
  return [style('bold', title), ...rows.map((row, at) => style(colourOf(hosts[at]), row))]
}

function colourOf(host: HostReport | undefined): 'red' | 'green' | 'yellow' | undefined {
  if (host?.inUse !== true) return host?.role === 'unknown' ? 'yellow' : 'red'
  return host.role === 'master' ? 'green' : undefined
}

function wordLag({ role, lagBytes, lagMs }: HostReport): string {
  if (role !== 'replica') return '-'
  if (lagBytes === null) return lagMs === null ? '?' : wordTime(lagMs)
  return lagBytes === 0 || lagMs === null ? wordBytes(lagBytes) : `${wordBytes(lagBytes)} ${wordTime(lagMs)}`
}
