/** In front of a statement in the same text, and so in the same transaction: what comes behind it has no time limit of the server's. */
const UNTIMED = 'set local statement_timeout = 0; '

/** What a login says of `statement_timeout`: as a parameter of its own, or in libpq's `options`. */
export interface LoginTimeout {
  readonly timeout: unknown
  readonly options: unknown
}

/**
 * A check's statement, freed from a `statement_timeout` that is meant for the caller's own queries. A check logs in with it all the
 * same, for a pooler may refuse the parameter, and then refuses the caller too.
 *
 * The setting ends with the statement (`set local`), so a pooler that lends the session to somebody else next lends it as it was.
 */
export function untimed(sql: string, { timeout, options }: LoginTimeout): string {
  const isInOptions = typeof options === 'string' && options.includes('statement_timeout')
  const isGiven = timeout !== undefined && timeout !== null && timeout !== false && timeout !== 0
  return isGiven || isInOptions ? `${UNTIMED}${sql}` : sql
}
