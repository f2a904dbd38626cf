import type { DsnContext } from '../../../src/dsn/context.ts'
import type { Dsn } from '../../../src/dsn/dsn.ts'
import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { parseDsn } from '../../../src/dsn/parse.ts'
import type { DsnInput } from '../../../src/dsn/parse.ts'
import { QUIET_CONTEXT } from './quiet-context.ts'

/** Reads a connection string in the quiet world, or one that differs from it a little. */
export function parse(input: DsnInput, context: Partial<DsnContext> = {}): Dsn {
  return parseDsn(input, { ...QUIET_CONTEXT, ...context })
}

/** The error a connection string is refused with. */
export function refusalOf(input: DsnInput, context: Partial<DsnContext> = {}): DsnError {
  try {
    parse(input, context)
  } catch (error) {
    if (error instanceof DsnError) return error
    throw error
  }
  throw new Error('the connection string is accepted')
}

/** A file system that is a record of texts. */
export function files(texts: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => (Object.hasOwn(texts, path) ? texts[path] : undefined)
}
