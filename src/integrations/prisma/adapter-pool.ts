import { PrismaPg } from '@prisma/adapter-pg'
import type { PoolManager } from '../../drivers/pg.ts'
import { invoke, withMethods } from '../pg/with-methods.ts'
import { textOf } from '../pg/text.ts'
import { readsOnly } from '../sql/reads-only.ts'
import type { Operation } from './operation.ts'

type RolePool = PoolManager['masterPool']

/**
 * A pool for Prisma's adapter: statements and transactions go where the operation that they are part of belongs, else to the role.
 */
export async function adapterPool(
  { masterPool, replicaPool }: Pick<PoolManager, 'masterPool' | 'replicaPool'>,
  role: 'master' | 'replica',
  current: () => Operation | undefined,
): Promise<RolePool> {
  const pools = { master: masterPool, replica: replicaPool }
  const pool = withMethods(pools[role], {
    query: (...args) => {
      const operation = current()
      if (operation?.kind !== 'read') return invoke(pools[role], 'query', args)
      const isRead = operation.isForced || readsOnly(textOf(args[0]))
      if (isRead && operation.leases) return operation.query(...args)
      return invoke(isRead ? pools[operation.role] : masterPool, 'query', args)
    },
    connect: () => {
      const operation = current()
      if (operation?.kind !== 'transaction' || operation.isBegun) return pools[role].connect()
      operation.isBegun = true
      return replicaPool.connect()
    },
  })
  const prototype = await poolPrototype()
  // Prisma's adapter takes what is no instance of its own copy's `Pool` for settings, and connects to localhost.
  return new Proxy(pool, { getPrototypeOf: () => prototype })
}

/** That of the pools of the adapter's own copy of `pg`, from one that never connects. */
async function poolPrototype(): Promise<object> {
  const adapter = await new PrismaPg({}).connect()
  const prototype: unknown = Object.getPrototypeOf(adapter.underlyingDriver())
  await adapter.dispose()
  return typeof prototype === 'object' && prototype !== null ? prototype : {}
}
