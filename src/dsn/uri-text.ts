import { DsnError } from './dsn-error.ts'

/**
 * An `@` behind the user part is nearly always a password that was not encoded, and then the host or the database
 * holds the rest of it, to be printed in every log.
 */
export function misplacedAtSign(position: number): DsnError {
  const message =
    'an @ after the user part ended; in a user name, password, host or database write it as %40 (and / as %2F)'
  return new DsnError('misplaced-at-sign', message, { position })
}
