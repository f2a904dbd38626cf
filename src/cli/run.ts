import { DsnError } from '../dsn/dsn-error.ts'
import { OptionsError } from '../errors.ts'
import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import { EXIT } from './exit-code.ts'
import type { ExitCode } from './exit-code.ts'
import { helpFor, overview } from './help.ts'
import type { Io } from './io.ts'
import { loadCommand } from './load-command.ts'
import { parseArguments, unknownCommand } from './parse-arguments.ts'
import { shownError } from './shown.ts'
import { UsageError } from './usage-error.ts'

/** Runs the command with its arguments; resolves to the exit status, whatever happens. */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(args, io)
  } catch (error) {
    const isUse = error instanceof UsageError || error instanceof DsnError || error instanceof OptionsError
    const advice = error instanceof UsageError ? '\nhasql --help shows how it is used.' : ''
    io.err.write(`hasql: ${shownError(error)}${advice}\n`)
    return isUse ? EXIT.usage : EXIT.failure
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args
  if (name === undefined) {
    io.err.write(overview())
    return EXIT.usage
  }
  if (name.startsWith('-')) return globally(args, io)
  const command = COMMANDS.get(name)
  if (command === undefined) throw unknownCommand(name)
  const given = parseArguments(rest, command.options)
  if (given.switches.has('help')) {
    io.out.write(helpFor(name, command))
    return EXIT.ok
  }
  return (await loadCommand(name))(given, io)
}

async function globally(args: readonly string[], io: Io): Promise<ExitCode> {
  const { switches } = parseArguments(args, GLOBAL_OPTIONS)
  if (switches.has('version')) io.out.write(`${await version()}\n`)
  else if (switches.has('help')) io.out.write(overview())
  else throw new UsageError('A command is missing')
  return EXIT.ok
}

/** Of the package that this file is part of. */
async function version(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown'
}
