import type { PoolManager } from '../../drivers/pg.ts'
import { readsOnly } from '../sql/reads-only.ts'
import { BorrowedClient } from '../pg/borrowed-client.ts'
import { textOf } from '../pg/text.ts'
import { invoke, withMethods } from '../pg/with-methods.ts'

/** The pool of one role, as Drizzle sees it. */
export type RolePool = PoolManager['masterPool']

/**
 * A pool whose queries go to the master, or, if they only read, to a replica; connections for transactions are the master's.
 *
 * Drizzle asks whether it has an instance of `pg.Pool`: it has, and that is the master's in all but `query`.
 */
export function routedPool({ masterPool, replicaPool }: Pick<PoolManager, 'masterPool' | 'replicaPool'>): RolePool {
  return withMethods(masterPool, {
    query: (...args) => invoke(readsOnly(textOf(args[0])) ? replicaPool : masterPool, 'query', args),
    connect: (...args) => connectTo(masterPool, args),
  })
}

/** The pool of one role, for transactions that leave no connection behind. */
export function rolePool(pool: RolePool): RolePool {
  return withMethods(pool, { connect: (...args) => connectTo(pool, args) })
}

/** Drizzle takes a promise; callbacks are for whoever uses `$client` as a `pg.Pool`. */
function connectTo(pool: RolePool, args: readonly unknown[]): unknown {
  if (args.length > 0) return invoke(pool, 'connect', args)
  return pool.connect().then((client) => new BorrowedClient(client, 'pool'))
}
