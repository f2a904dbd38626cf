import type { PgConnection } from '../../drivers/pg.ts'
import { OptionsError } from '../../errors.ts'
import type { ReplicaOptions } from '../../manager/acquire-options.ts'

/** What is used of a pool manager. */
export interface LeasingManager {
  acquireMaster(): Promise<PgConnection>
  acquireReplica(options?: ReplicaOptions): Promise<PgConnection>
  readonly masterPool: RolePool
  readonly replicaPool: RolePool
}

/** What is used of the `pg.Pool` of a role. */
export interface RolePool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  connect(callback: Connected): void
  on(event: 'error', listener: ErrorListener): unknown
  off(event: 'error', listener: ErrorListener): unknown
}

type ErrorListener = (error: Error) => void

/** What TypeORM calls back with a connection. */
export type Connected = (
  error: Error | undefined,
  connection: object | undefined,
  release: (error?: Error | boolean) => void,
) => void

/** As much of a `pg.Pool` as TypeORM takes. */
export interface LeasingPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  connect(callback: Connected): void
  on(event: 'error', listener: ErrorListener): void
  end(callback?: () => void): void
}

export type LeasingPoolClass = new (config: PoolConfig) => LeasingPool

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
  return class HasqlPool implements LeasingPool {
    readonly #isMaster: boolean
    readonly #listeners: ErrorListener[] = []
    #isEnded = false
    #isTried = false

    constructor(config: PoolConfig) {
      this.#isMaster = isMaster(config)
    }

    get totalCount(): number {
      return this.#pool.totalCount
    }

    get idleCount(): number {
      return this.#pool.idleCount
    }

    get waitingCount(): number {
      return this.#pool.waitingCount
    }

    connect(callback: Connected): void {
      const isFirst = !this.#isTried
      this.#isTried = true
      if (this.#isEnded) refuse(callback, new Error('The data source was destroyed'))
      // TypeORM does not start unless each pool gives a connection at once; reading will wait for a replica.
      else if (isFirst && !this.#isMaster) callBack(db.acquireReplica({ fallbackMaster: true }), callback)
      else this.#pool.connect(callback)
    }

    on(event: 'error', listener: ErrorListener): void {
      this.#listeners.push(listener)
      this.#pool.on(event, listener)
    }

    end(callback?: () => void): void {
      this.#isEnded = true
      for (const listener of this.#listeners.splice(0)) this.#pool.off('error', listener)
      if (callback !== undefined) process.nextTick(callback)
    }

    get #pool(): RolePool {
      return this.#isMaster ? db.masterPool : db.replicaPool
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

function refuse(callback: Connected, error: unknown): void {
  process.nextTick(callback, error, undefined, () => undefined)
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
