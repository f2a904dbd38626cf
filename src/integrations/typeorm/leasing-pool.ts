import type { PgConnection } from '../../drivers/pg.ts'
import { OptionsError } from '../../errors.ts'
import type { ReplicaOptions } from '../../manager/acquire-options.ts'
import { BorrowedPool, refuse } from '../pg/borrowed-pool.ts'
import type { Connected, RolePool } from '../pg/borrowed-pool.ts'

/** What is used of a pool manager. */
export interface LeasingManager {
  acquireMaster(): Promise<PgConnection>
  acquireReplica(options?: ReplicaOptions): Promise<PgConnection>
  readonly masterPool: RolePool
  readonly replicaPool: RolePool
}

export type LeasingPoolClass = new (config: PoolConfig) => BorrowedPool

/** What TypeORM makes of its options: the role travels in the host. */
export interface PoolConfig {
  readonly host?: string | undefined
  readonly max?: number | undefined
  readonly connectionTimeoutMillis?: number | undefined
}

export const MASTER = 'hasql-master'
export const REPLICA = 'hasql-replica'

/** Settings that TypeORM hands on to its pools, and what to do instead. */
const NOT_HERE = {
  max: ['poolSize', 'poolOptions: { max } of the pool manager'],
  connectionTimeoutMillis: ['connectTimeoutMS', 'acquireTimeoutMs and connectTimeoutMs of the pool manager'],
} as const

/** The class that TypeORM makes a pool of for each role; ending one leaves the manager's connections alone. */
export function leasingPool(db: LeasingManager): LeasingPoolClass {
  return class HasqlPool extends BorrowedPool {
    #startsReading: boolean

    constructor(config: PoolConfig) {
      const forWrites = isMaster(config)
      super(() => (forWrites ? db.masterPool : db.replicaPool))
      this.#startsReading = !forWrites
    }

    override connect(callback: Connected): void {
      const isFirst = this.#startsReading
      this.#startsReading = false
      if (this.ending) refuse(callback, new Error('The data source was destroyed'))
      // TypeORM does not start unless each pool gives a connection at once; reading will wait for a replica.
      else if (isFirst) callBack(db.acquireReplica({ fallbackMaster: true }), callback)
      else super.connect(callback)
    }
  }
}

/** In a turn of its own: what the callback throws is not the promise's. */
function callBack(leased: Promise<PgConnection>, callback: Connected): void {
  leased.then(
    (connection) => process.nextTick(callback, undefined, connection, releaseOf(connection)),
    (error: unknown) => refuse(callback, error),
  )
}

/** A client's own way of giving it back: made anew for each lease, and not a method. */
function releaseOf({ release }: { readonly release: (error?: Error | boolean) => void }): typeof release {
  return release
}

function isMaster(config: PoolConfig): boolean {
  for (const key of ['max', 'connectionTimeoutMillis'] as const) {
    const [option, instead] = NOT_HERE[key]
    if (config[key] !== undefined)
      throw new OptionsError(option, `With typeormOptions, leave ${option} out: set ${instead}`)
  }
  if (config.host === MASTER || config.host === REPLICA) return config.host === MASTER
  throw new OptionsError(
    'replication',
    'With typeormOptions, the hosts are the pool manager’s: leave replication and the settings of a connection to it',
  )
}
