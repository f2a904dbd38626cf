import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import type { CommandSpec, OptionSpec, Run } from './commands.ts'
import { EXIT } from './exit-code.ts'
import { unknownCommand } from './parse-arguments.ts'

const INTRO = `hasql: says which host of a PostgreSQL connection string is what.

Usage: hasql <command> [options]`

const SECRETS = `A DSN is what psql takes: a URI (postgresql://app@db1,db2:6432/shop), or
keyword/value (host=db1,db2 user=app).

Other users of the machine can see arguments: keep passwords out of them. Use
PGPASSWORD, the password file (~/.pgpass) or --password; or put the whole DSN
into a variable and name that: --dsn-env SHOP_DSN.

Times are written with a unit: 500ms, 3s, 2m.`

/** The text of `hasql --help`. */
export function overview(): string {
  const commands = rows([...COMMANDS].map(([name, { summary }]) => [name, summary]))
  return `${INTRO}\n\nCommands:\n${commands}\n\nOptions:\n${optionRows(GLOBAL_OPTIONS)}\n\n${SECRETS}\n`
}

/** The text of `hasql help <command>`. */
export function helpFor(name: string, { summary, argument, options, text, example }: CommandSpec): string {
  const usage = `Usage: hasql ${name} ${argument} [options]`
  const parts = [`hasql ${name}: ${summary}.`, usage, ...text.map(wrapped), `Options:\n${optionRows(options)}`]
  return `${[...parts, `Example:\n  ${example}`].join('\n\n')}\n`
}

export const help: Run = async ({ positionals: [name] }, { out }) => {
  const command = COMMANDS.get(name ?? '')
  if (name !== undefined && command === undefined) throw unknownCommand(name)
  out.write(name === undefined || command === undefined ? overview() : helpFor(name, command))
  return EXIT.ok
}

function optionRows(options: Readonly<Record<string, OptionSpec>>): string {
  return rows(
    Object.entries(options).map(([name, { short, value, text }]) => [
      `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
      text,
    ]),
  )
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length))
  const indent = ' '.repeat(width + 4)
  return pairs
    .map(([left, right]) => `  ${left.padEnd(width)}  ${wrapped(right, 78 - indent.length, `\n${indent}`)}`)
    .join('\n')
}

/** Breaks a text into lines at its spaces. */
function wrapped(text: string, ...[width, separator]: readonly unknown[]): string {
  const most = typeof width === 'number' && typeof separator === 'string' ? width : 78
  const lines = text.match(new RegExp(`.{1,${most}}(?: |$)`, 'g')) ?? [text]
  return lines.map((line) => line.trimEnd()).join(typeof separator === 'string' ? separator : '\n')
}
