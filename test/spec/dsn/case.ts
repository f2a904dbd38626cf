import type { DsnErrorReason } from '../../../src/dsn/dsn-error.ts'

/** A connection string that is read, and what it must say. */
export interface Accepted {
  readonly dsn: string
  /** The hosts' identities, in order. */
  readonly hosts: readonly string[]
  readonly user?: string
  readonly database?: string
  readonly password?: string
  readonly addresses?: readonly (string | undefined)[]
  readonly target?: string
  readonly shown?: string
}

/** A connection string that is refused, and how. */
export interface Refused {
  readonly dsn: string
  readonly reason: DsnErrorReason
  readonly position?: number
  readonly parameter?: string
  /** A part of the input that the error must not show, in any form. */
  readonly hides?: string
}
