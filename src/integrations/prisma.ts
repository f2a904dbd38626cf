import { AsyncLocalStorage } from 'node:async_hooks'
import { PrismaPg } from '@prisma/adapter-pg'
import type { PoolManager } from '../drivers/pg.ts'
import { OptionsError } from '../errors.ts'
import { objectOf, oneOfKeys } from '../manager/check-option.ts'
import { READ_KEYS } from './kysely/leases.ts'
import type { ReadOptions } from './kysely/leases.ts'
import { adapterPool } from './prisma/adapter-pool.ts'
import type { Operation } from './prisma/operation.ts'
import { ReadRouter } from './prisma/read-replicas.ts'
import type { ReadReplicas } from './prisma/read-replicas.ts'

export type { ReadOptions } from './kysely/leases.ts'
export type { ReadReplicas } from './prisma/read-replicas.ts'

type AdapterOptions = NonNullable<ConstructorParameters<typeof PrismaPg>[1]>

/** What `PrismaHasql` takes: the options of `@prisma/adapter-pg`, but for those of a pool, and a role. */
export interface PrismaHasqlOptions extends Omit<AdapterOptions, 'disposeExternalPool'> {
  /** Where everything goes that `readReplicas` does not send elsewhere. Default `'master'`. */
  readonly role?: 'master' | 'replica'
}

/**
 * Prisma on a pool manager: a driver adapter whose connections are leases of it.
 *
 * ```ts
 * const adapter = new PrismaHasql(db)
 * const prisma = new PrismaClient({ adapter }).$extends(adapter.readReplicas())
 * await prisma.order.create({ data: { item: 'tea' } })              // the master
 * const orders = await prisma.order.findMany()                      // a replica
 * const fresh = await prisma.$primary().order.findMany()            // the master
 * ```
 * Without `readReplicas` everything goes to the master, or with `role: 'replica'` to replicas. `$disconnect()` leaves the manager
 * open.
 * @throws {OptionsError} `db` is no pool manager, or an option is unknown.
 */
export class PrismaHasql {
  readonly provider = 'postgres'
  readonly adapterName = 'hasql'
  readonly #db: PoolManager
  readonly #role: 'master' | 'replica'
  readonly #options: AdapterOptions
  readonly #operations = new AsyncLocalStorage<Operation | undefined>()

  constructor(db: PoolManager, options: PrismaHasqlOptions = {}) {
    if (!('masterPool' in objectOf('PrismaHasql', db))) {
      throw new OptionsError('db', "PrismaHasql takes the pool manager first: new PoolManager(dsn) of 'hasql/pg'")
    }
    oneOfKeys('PrismaHasql', options, KEYS)
    const { role = 'master', ...rest } = options
    if (!['master', 'replica'].includes(role)) throw new OptionsError('role', "role must be 'master' or 'replica'")
    this.#db = db
    this.#role = role
    this.#options = rest
  }

  /** Called by Prisma, once for each client. */
  async connect(): ReturnType<PrismaPg['connect']> {
    const pool = await adapterPool(this.#db, this.#role, () => this.#operations.getStore())
    return new PrismaPg(pool, this.#options).connect()
  }

  /**
   * An extension for the client that has this adapter: reads outside transactions go to a healthy replica.
   *
   * ```ts
   * const prisma = new PrismaClient({ adapter }).$extends(adapter.readReplicas({ maxLagMs: 500 }))
   * ```
   * All statements of one call run on the same replica. Raw queries go there if their text only reads. `$primary()` and
   * `$replica()` send reads elsewhere.
   * @throws {OptionsError} an option is unknown.
   */
  readReplicas(options: ReadOptions = {}): (client: object) => ReadReplicas {
    oneOfKeys('readReplicas', options, READ_KEYS)
    const router = new ReadRouter(this.#operations, () => this.#db.acquireReplica(options))
    return (client) => router.extend(client)
  }
}

const KEYS: readonly (keyof PrismaHasqlOptions)[] = [
  'role',
  'schema',
  'onPoolError',
  'onConnectionError',
  'userDefinedTypeParser',
  'statementNameGenerator',
]
