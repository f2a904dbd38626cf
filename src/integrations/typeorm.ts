import { OptionsError } from '../errors.ts'
import { objectOf, oneOfKeys } from '../manager/check-option.ts'
import { leasingPool, MASTER, REPLICA } from './typeorm/leasing-pool.ts'
import type { LeasingManager, LeasingPoolClass } from './typeorm/leasing-pool.ts'

export type { BorrowedPool, RolePool } from './pg/borrowed-pool.ts'
export type { LeasingManager, LeasingPoolClass } from './typeorm/leasing-pool.ts'

/** How `typeormOptions` sends statements to hosts. */
export interface TypeormOptions {
  /** Where reads outside transactions go by default; TypeORM's own setting. Default `'slave'`: a replica. */
  readonly defaultMode?: 'master' | 'slave'
  /** The `pg` module, for TypeORM's option `parseInt8`, which changes its `defaults`. Default: none. */
  readonly pg?: { readonly defaults: object }
}

/** The part of TypeORM's options that `typeormOptions` makes. */
export interface TypeormPart {
  readonly type: 'postgres'
  /** In place of the `pg` module: its pools are leases of the manager. */
  readonly driver: { readonly Pool: LeasingPoolClass; readonly defaults?: object; readonly native: undefined }
  readonly replication: {
    readonly master: { readonly host: string }
    readonly slaves: { readonly host: string }[]
    readonly defaultMode: 'master' | 'slave'
  }
}

/**
 * The part of a `DataSource`'s options that makes every connection a lease of a pool manager.
 *
 * ```ts
 * const source = new DataSource({ ...typeormOptions(db), entities: [Order] })
 * await source.initialize()
 * await source.getRepository(Order).save({ item: 'tea' })            // the master
 * const orders = await source.getRepository(Order).find()            // a replica
 * const fresh = source.createQueryRunner('master')                   // reads of the master, while it is not released
 * ```
 * TypeORM decides what is a read: `find`, `select` of a query builder and streams, outside of transactions; `source.query` is none.
 * It starts even when replicas are down. `poolSize`, `connectTimeoutMS` and addresses have no place beside it: they are the
 * manager's. `source.destroy()` leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, or an option is unknown.
 */
export function typeormOptions(db: LeasingManager, options: TypeormOptions = {}): TypeormPart {
  if (typeof objectOf('typeormOptions', db).acquireMaster !== 'function') {
    throw new OptionsError('db', "typeormOptions takes the pool manager first: new PoolManager(dsn) of 'hasql/pg'")
  }
  oneOfKeys('typeormOptions', options, ['defaultMode', 'pg'])
  const { defaultMode = 'slave', pg } = options
  if (!['master', 'slave'].includes(defaultMode)) {
    throw new OptionsError('defaultMode', "defaultMode must be 'slave' (reads go to replicas) or 'master'")
  }
  return {
    type: 'postgres',
    // With a `native` TypeORM would take the pools of that, and pg-native's connections past the manager.
    driver: { Pool: leasingPool(db), native: undefined, ...(pg === undefined ? {} : { defaults: pg.defaults }) },
    replication: { master: { host: MASTER }, slaves: [{ host: REPLICA }], defaultMode },
  }
}
