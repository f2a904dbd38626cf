import { parseArgs } from 'node:util'
import { closest } from '../manager/check-option.ts'
import { COMMANDS } from './commands.ts'
import type { OptionSpec } from './commands.ts'
import { UsageError } from './usage-error.ts'

/** What a command was called with. */
export interface Arguments {
  readonly values: ReadonlyMap<string, string>
  readonly switches: ReadonlySet<string>
  readonly positionals: readonly string[]
}

type Options = Readonly<Record<string, OptionSpec>>

/**
 * Reads the arguments of a command.
 *
 * A mistyped argument may be a password: none is quoted but the name of a long option, up to its `=`.
 * @throws {UsageError} an option is unknown, lacks its value, or has one that it does not take.
 */
export function parseArguments(args: readonly string[], options: Options): Arguments {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.entries(options).map(([name, spec]) => [name, nodeOption(spec)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const [values, switches, positionals] = [new Map<string, string>(), new Set<string>(), new Array<string>()]
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    refuseGroup(args[token.index] ?? '')
    const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (spec === undefined) throw unknownOption(token.name, token.rawName, options)
    if (spec.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value`)
      switches.add(token.name)
    } else {
      if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
        throw new UsageError(`--${token.name} needs a value: --${token.name} ${spec.value}`)
      }
      values.set(token.name, token.value)
    }
  }
  return { values, switches, positionals }
}

/** The error of a command that does not exist, with the one that was probably meant. */
export function unknownCommand(name: string): UsageError {
  const names = [...COMMANDS.keys()]
  const close = closest(name, names)
  // What resembles no command may be a DSN, or a password.
  if (close === undefined) return new UsageError(`The first argument is no command. Commands: ${names.join(', ')}`)
  return new UsageError(`There is no command '${name}'. Did you mean ${close}?`)
}

/** A length of time like `500ms`, `30s`, `2m`, in milliseconds; at least 1, at most a day. */
export function timeOf(given: Arguments, name: string): number | undefined {
  const text = given.values.get(name)
  if (text === undefined) return undefined
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)$/.exec(text)
  const timeMs = match === null ? NaN : Number(match[1]) * ({ ms: 1, s: 1e3, m: 6e4, h: 3.6e6 }[match[2] ?? ''] ?? NaN)
  if (timeMs >= 1 && timeMs <= 86_400_000) return timeMs
  throw new UsageError(`--${name} needs a time with its unit, from 1ms to 24h: --${name} 500ms, --${name} 30s`)
}

/** A whole number of at least 0. */
export function countOf(given: Arguments, name: string): number | undefined {
  const text = given.values.get(name)
  if (text === undefined || /^[0-9]{1,4}$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new UsageError(`--${name} needs a whole number: --${name} 1`)
}

function nodeOption({ short, value }: OptionSpec): { type: 'string' | 'boolean'; short?: string } {
  return { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) }
}

/** `-Wsecret` is how other programs take a value: what follows the letter is not to be read as letters. */
function refuseGroup(arg: string): void {
  if (/^-[^-]./s.test(arg)) throw new UsageError(`${arg.slice(0, 2)} must stand alone: nothing may follow its letter`)
}

function unknownOption(name: string, rawName: string, options: Options): UsageError {
  const known = Object.keys(options)
  const close = closest(name, known)
  const hint =
    close === undefined ? `Options: ${known.map((each) => `--${each}`).join(', ')}` : `Did you mean --${close}?`
  const isName = /^--?[a-z][a-z-]{0,30}$/i.test(rawName)
  return new UsageError(`${isName ? `There is no option '${rawName}'` : 'An option is unknown'}. ${hint}`)
}
