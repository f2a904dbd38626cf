import type { KyselyPlugin, QueryId, RootOperationNode } from 'kysely'
import type { Role } from './leases.ts'

/** Where the queries go that passed one of the plugins; Kysely forgets a query's id with the query. */
const given = new WeakMap<QueryId, Role>()

/** The role that a plugin gave a query. */
export function roleGiven(queryId: QueryId | undefined): Role | undefined {
  return queryId === undefined ? undefined : given.get(queryId)
}

/** A plugin that gives every query a role and changes nothing else. */
export function sendTo(role: Role): KyselyPlugin {
  return {
    transformQuery: ({ node, queryId }): RootOperationNode => {
      given.set(queryId, role)
      return node
    },
    transformResult: async ({ result }) => result,
  }
}
