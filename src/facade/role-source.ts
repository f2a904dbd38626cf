import type pg from 'pg'

/** Where the pool of a role gets its connections. */
export interface RoleSource {
  /** What `pool.options` shows; no connection is made with it. */
  readonly config: pg.PoolConfig
  /** Leases a connection of a host that has the role now; calls back once, perhaps in the same turn. */
  lease(granted: (client: pg.PoolClient) => void, failed: (error: Error) => void): void
  /** Whether anybody holds a lease of the client now. */
  isLeased(client: pg.PoolClient): boolean
  /** The pool of the host that the client is connected to. */
  poolOf(client: pg.PoolClient): pg.Pool | undefined
  /** The pools of the hosts that have the role now. */
  pools(): readonly pg.Pool[]
  /** The pools of all hosts. */
  allPools(): readonly pg.Pool[]
  /** Tells of each lease that ends from now on, whoever ended it. */
  onReleased(listener: (client: object) => void): void
}
