import { readsOnly } from '../sql/reads-only.ts'

/** Where a statement goes. */
export type Role = 'master' | 'replica'

/** The key of a builder's `queryContext` under which its route is kept. */
export const ROUTE = 'hasqlRole'

/** What of a builder tells where it is to go. */
export interface Builder {
  queryContext(): unknown
  toSQL(): unknown
}

/** Where a statement goes that is no part of a transaction. */
export function routeOf(builder: Builder): Role {
  const context = builder.queryContext()
  const route: unknown = typeof context === 'object' && context !== null ? Reflect.get(context, ROUTE) : undefined
  if (route === 'master' || route === 'replica') return route
  return readsOnly(textOf(builder)) ? 'replica' : 'master'
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
