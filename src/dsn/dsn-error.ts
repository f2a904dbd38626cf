import { HasqlError } from '../errors.ts'

/** What is wrong with a connection string; stable across versions. */
export type DsnErrorReason =
  | 'not-a-string'
  | 'empty-list'
  | 'conflicting-list'
  | 'too-long'
  | 'too-many-hosts'
  | 'control-character'
  | 'bad-unicode'
  | 'unknown-scheme'
  | 'bad-percent-escape'
  | 'space-in-uri'
  | 'bad-ipv6-brackets'
  | 'misplaced-at-sign'
  | 'missing-equals'
  | 'extra-equals'
  | 'unterminated-quote'
  | 'unknown-parameter'
  | 'unsupported-parameter'
  | 'bad-value'
  | 'bad-port'
  | 'port-count'
  | 'bad-host'
  | 'bad-host-address'
  | 'host-count'
  | 'host-given-twice'
  | 'weak-sslmode'
  | 'service-not-found'
  | 'bad-service-file'
  | 'file-parameter-refused'
  | 'unreadable-file'
  | 'no-user'

/** Where in the input an error is, and which parameter it is about. */
export interface DsnErrorPlace {
  readonly position?: number | undefined
  readonly parameter?: string | undefined
}

/**
 * A connection string that cannot be used.
 *
 * ```ts
 * try { parseDsn(text) } catch (error) { if (error instanceof DsnError) console.error(error.reason, error.position) }
 * ```
 * The message names parameters and positions, never a value: a typo can put the password anywhere, so no part of the
 * input but the name of a parameter is ever quoted, and even that is left out where it may be a piece of a password.
 */
export class DsnError extends HasqlError {
  override readonly name = 'DsnError'
  declare readonly code: 'ERR_HASQL_DSN'
  /** What is wrong; stable across versions. */
  readonly reason: DsnErrorReason
  /** Offset in the connection string, in UTF-16 units from 0; undefined when no place in it is at fault. */
  readonly position: number | undefined
  /** The parameter at fault, when there is one and its name is safe to show. */
  readonly parameter: string | undefined

  constructor(reason: DsnErrorReason, message: string, place: DsnErrorPlace = {}) {
    const where = place.position === undefined ? '' : ` (at position ${place.position})`
    super('ERR_HASQL_DSN', `Bad connection string: ${message}${where}`)
    this.reason = reason
    this.position = place.position
    this.parameter = place.parameter
  }
}
