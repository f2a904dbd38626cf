/** Where a statement goes. */
export type Role = 'master' | 'replica'

/** The key of a builder's `queryContext` under which its route is kept. */
export const ROUTE = 'hasqlRole'

/** What of a builder tells where it is to go. */
export interface Builder {
  queryContext(): unknown
  toSQL(): unknown
}

/** Texts that may be reads: the rest, `call` and `explain analyze` included, goes to the master. */
const READS = /^[\s(]*(?:select|with|values|table|show)\b/i

/**
 * Words with which such a text may write, or lock, after all. In a name or a string they cost nothing but a read of the master.
 * `into` is `select into`; the functions are the built-in ones that a standby refuses, or whose effect would stay on one.
 */
const WRITES =
  /\b(?:insert|update|delete|merge|into|for\s+(?:no\s+key\s+|key\s+)?share|nextval|setval|pg_(?:try_)?advisory\w*|pg_notify|lo_\w+|txid_current|pg_current_xact_id)\b/i

/** Whether a statement is certainly a read, as far as its text says. */
export function isRead(text: string): boolean {
  return READS.test(text) && !WRITES.test(text) && !hasSecondStatement(text)
}

/** Where a statement goes that is no part of a transaction. */
export function routeOf(builder: Builder): Role {
  const context = builder.queryContext()
  const route: unknown = typeof context === 'object' && context !== null ? Reflect.get(context, ROUTE) : undefined
  if (route === 'master' || route === 'replica') return route
  return isRead(textOf(builder)) ? 'replica' : 'master'
}

/** A builder that cannot be compiled says so when it is run; until then it is no read, and neither is a list of statements. */
function textOf(builder: Builder): string {
  try {
    const compiled = builder.toSQL()
    const text: unknown = typeof compiled === 'object' && compiled !== null ? Reflect.get(compiled, 'sql') : undefined
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

function hasSecondStatement(text: string): boolean {
  return /;\s*\S/.test(text)
}
