import { codeOf } from './classify-error.ts'

const ADVICE =
  'A pooler says this (08P01), PgBouncer for example: have it let startup parameters pass with ignore_startup_parameters, or leave them out; ' +
  'set server_login_retry = 1 where its own server was away'

/**
 * What to do about a login that a pooler refused; undefined for any other error. Poolers have one code for everything, a parameter they
 * do not know and a server that is away included.
 */
export function poolerAdvice(error: unknown): string | undefined {
  // What hasql and its drivers make of a broken protocol has the same code, and no severity: nobody said it.
  const isSaid = typeof error === 'object' && error !== null && 'severity' in error
  return isSaid && codeOf(error) === '08P01' ? ADVICE : undefined
}
