import type { Run } from './commands.ts'
import { EXIT } from './exit-code.ts'
import { explainDsn } from './explain-dsn.ts'
import type { ReadValue } from './explain-dsn.ts'
import { HostChecker } from './host-check.ts'
import type { HostCheck } from './host-check.ts'
import { Limit } from './limit.ts'
import { limitOf, loadPg } from './open-manager.ts'
import type { Step } from './step-log.ts'
import { styleFor } from './style.ts'
import type { Style } from './style.ts'
import { tableLines } from './table.ts'
import type { Column } from './table.ts'
import { openLookup, readTarget } from './target.ts'
import { wordTime } from './words.ts'

const VALUES: readonly Column<ReadValue>[] = [
  { title: 'PARAMETER', of: ({ name }) => name },
  { title: 'VALUE', of: ({ value }) => value },
  { title: 'FROM', of: ({ from }) => from },
]

const STEPS: readonly Column<Step>[] = [
  { title: 'STEP', of: ({ name }) => name.padEnd('authentication'.length) },
  { title: '', of: ({ outcome }) => outcome.padEnd(4) },
  { title: 'TIME', of: ({ tookMs }) => (tookMs === 0 ? '-' : wordTime(tookMs)).padStart(8), align: 'right' },
  { title: 'WHAT', of: ({ text }) => text },
]

/** `hasql check`: explains a DSN. */
export const check: Run = async (given, io) => {
  const target = await readTarget(given, io)
  const [{ createPgDriver }, lookup] = await Promise.all([loadPg(io), openLookup(target, io)])
  const style = styleFor(io)
  const write = (lines: readonly string[]): unknown => io.out.write(`${lines.join('\n')}\n\n`)
  const values = explainDsn(target, io)
  write([style('bold', String(target.dsn)), ...tableLines(values, VALUES).map(indented)])
  const { clock } = io
  const means = { clock, lookup, limit: new Limit(clock, limitOf(target)), driver: createPgDriver() }
  const checks = await Promise.all(target.dsn.hosts.map((spec) => new HostChecker(spec, means).check()))
  for (const each of checks) write(hostLines(each, style))
  write(adviceLines(checks, values, style))
  if (checks.some(({ failure }) => failure === 'refused')) return EXIT.accessRefused
  return checks.some(({ failure }) => failure === 'out') ? EXIT.hostOut : EXIT.ok
}

function hostLines({ spec, steps }: HostCheck, style: Style): readonly string[] {
  const [, ...rows] = tableLines(steps, STEPS)
  const lines = rows.map((row, at) => style(steps[at]?.outcome === 'FAIL' ? 'red' : undefined, indented(row)))
  return [style('bold', spec.hostId), ...lines]
}

function adviceLines(checks: readonly HostCheck[], values: readonly ReadValue[], style: Style): readonly string[] {
  const hostsByAdvice = new Map<string, string[]>()
  for (const { spec, advice } of checks) {
    for (const text of advice) hostsByAdvice.set(text, [...(hostsByAdvice.get(text) ?? []), spec.hostId])
  }
  const lines = [...hostsByAdvice].map(
    ([text, hosts]) => `${hosts.length === checks.length ? 'all hosts' : hosts.join(', ')}: ${text}`,
  )
  const isExposed = values.some(({ name, from }) => name === 'password' && from === 'the argument')
  if (isExposed)
    lines.push(
      'the argument: It holds a password, which other users of this machine can see: use PGPASSWORD, the password file or --dsn-env.',
    )
  if (lines.length === 0) return ['Nothing is wrong. hasql status compares the hosts with each other.']
  return [style('bold', 'What to do'), ...lines.map(indented)]
}

function indented(line: string): string {
  return `  ${line}`
}
