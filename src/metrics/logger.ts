import { OptionsError } from '../errors.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

export type LogLevel = (typeof LEVELS)[number]

/**
 * What takes log lines: `console`, a pino or winston logger, or any object with these four functions.
 *
 * ```ts
 * const db = new PoolManager(dsn, { logger: console })
 * ```
 */
export type Logger = Readonly<Record<LogLevel, (message: string) => unknown>>

/** @throws {OptionsError} it lacks one of the functions. */
export function loggerOption(given: Logger | undefined): Logger | undefined {
  const missing =
    given === undefined ? undefined : LEVELS.find((level) => !isFunction(Reflect.get(Object(given), level)))
  if (missing === undefined) return given
  throw new OptionsError(
    'logger',
    `logger has no function ${missing}: give an object with debug, info, warn and error, like console or pino()`,
  )
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
