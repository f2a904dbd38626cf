import { readFileSync, writeFileSync } from 'node:fs'
import type { Cell, Results } from './report.ts'

/** The titles of the tests, in the order of the columns. */
const COLUMNS = [
  'reads split',
  'writes',
  'transactions',
  'streaming',
  'cancel',
  'stop',
  'kill',
  'freeze',
  'promotion',
  'replica lost',
]

const SIGNS: Readonly<Record<Cell, string>> = { passed: 'yes', failed: '**no**', absent: '–' }

const START = '<!-- Printed by `npm run test:integrations -- --write` -->'
const END = '<!-- End of the table -->'

/** The table in Markdown, without padding: the README is a part of the package. */
export function tableOf(results: Results): string {
  const rows = [...results].sort(([one], [other]) => one.localeCompare(other)).map(([name, cells]) => row(name, cells))
  const titles = ['library', 'version', ...COLUMNS]
  const lines = [titles, titles.map(() => '-'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return ['<!-- prettier-ignore -->', ...lines].join('\n')
}

function row(library: string, cells: ReadonlyMap<string, Cell>): string[] {
  const at = library.lastIndexOf('@')
  const signs = COLUMNS.map((title) => SIGNS[cells.get(title) ?? 'failed'])
  return [library.slice(0, at), library.slice(at + 1), ...signs]
}

/** Whether the file holds this table; written there first, if that is wanted. */
export function replaceTable(file: string, table: string, isWanted: boolean): boolean {
  const text = readFileSync(file, 'utf8')
  const [start, end] = [text.indexOf(START), text.indexOf(END)]
  if (start < 0 || end < start) throw new Error(`${file} has no place for the table: ${START} … ${END}`)
  const next = `${text.slice(0, start + START.length)}\n\n${table}\n\n${text.slice(end)}`
  if (isWanted) writeFileSync(file, next)
  return isWanted || next === text
}
