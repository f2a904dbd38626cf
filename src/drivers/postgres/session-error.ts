import { serverError } from './native.ts'
import type { Fields } from './wire.ts'

/** Names of the fields, as postgres.js calls them. */
const NAMES: Readonly<Record<string, string>> = {
  S: 'severity_local',
  V: 'severity',
  C: 'code',
  M: 'message',
  D: 'detail',
  H: 'hint',
  R: 'routine',
}

/** The error that the fields of an ErrorResponse make. */
export function errorOf(fields: Fields): Error {
  const named = Object.entries(NAMES).map(([letter, name]) => [name, fields[letter]] as const)
  const given: object = Object.fromEntries(named.filter(([, value]) => value !== undefined))
  return serverError(given)
}

/** One of the errors that postgres.js itself gives this code. */
export function connectionError(code: keyof typeof EVENTS, who: string): Error {
  return Object.assign(new Error(`${code}: ${who} ${EVENTS[code]}`), { code })
}

const EVENTS = {
  CONNECTION_CLOSED: 'ended the connection',
  CONNECT_TIMEOUT: 'did not let us in before connectTimeoutMs was over',
  CONNECTION_ENDED: 'was ended with end()',
} as const

/** An error with the SQLSTATE of `protocol_violation`, or with that of an authentication that cannot be done. */
export function codedError(code: '08P01' | '28000', text: string): Error {
  return Object.assign(new Error(text), { code })
}

const UNSAFE = 'UNSAFE_TRANSACTION'

/** The error of postgres.js for a transaction that is begun with a statement of its own, where anybody's may follow. */
export function unsafeTransaction(): Error {
  return Object.assign(new Error(`${UNSAFE}: Only use sql.begin, sql.reserve or a lease for a transaction`), {
    code: UNSAFE,
  })
}

export function isUnsafeTransaction(error: Error): boolean {
  return 'code' in error && error.code === UNSAFE
}

/** The error of postgres.js for a query that was called off before it was sent. */
export function cancelledError(): Error {
  return Object.assign(new Error('57014: canceling statement due to user request'), { code: '57014' })
}
