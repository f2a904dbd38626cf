import type pg from 'pg'
import { OptionsError } from '../../errors.ts'
import type { PgPoolOptions } from '../pg/config.ts'

/**
 * `pg.Pool`'s own settings, without those that the DSN decides and those that libpq cannot follow.
 *
 * TLS is libpq's own: `sslmode`, `sslrootcert` and the others stand in the DSN. `password`, when given, replaces what the DSN says
 * for every host; it may be a function, asked for each connection (for tokens that expire).
 */
export type PgNativePoolOptions = Omit<PgPoolOptions, 'ssl' | 'stream' | 'pipeline' | 'binary' | 'Promise'> & {
  readonly password?: pg.PoolConfig['password']
}

/** Settings that would be left out in silence, and what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  ssl: 'TLS is made by libpq: give sslmode, sslrootcert, sslcert and sslkey in the DSN',
  stream: 'libpq makes its own sockets: use hasql/pg for sockets of your own',
  pipeline: 'pipelining hides from hasql which statement failed: use hasql/pg for it',
  binary: 'pg-native asks for text only: leave it out',
}

/** @throws {OptionsError} a setting that libpq cannot follow. */
export function checkPoolOptions(given: PgNativePoolOptions): PgNativePoolOptions {
  for (const [name, why] of Object.entries(REFUSED)) {
    const value: unknown = Reflect.get(given, name)
    if (value !== undefined && value !== false)
      throw new OptionsError(`poolOptions.${name}`, `poolOptions.${name}: ${why}`)
  }
  return given
}
