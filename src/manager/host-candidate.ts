import type { Candidate } from '../balancer/policy.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { HostPreference } from './options.ts'

/** One host as the balancer sees it: the pool's live load, and the caller's preference. */
export class HostCandidate<TConnection, TPool> implements Candidate {
  readonly hostId: HostId
  readonly spec: HostSpec
  readonly pool: HostPool<TConnection, TPool>
  readonly preference: HostPreference
  responseTimeMs: number | undefined

  constructor(spec: HostSpec, pool: HostPool<TConnection, TPool>, preference: HostPreference) {
    this.hostId = spec.hostId
    this.spec = spec
    this.pool = pool
    this.preference = preference
  }

  get leases(): number {
    return this.pool.load
  }

  get capacity(): number {
    return this.pool.driverPool.capacity
  }

  get free(): number {
    return this.pool.driverPool.capacity - this.pool.load
  }

  /** A host of weight 0 is only ever a candidate among its like. */
  get weight(): number {
    return this.preference.weight > 0 ? this.preference.weight : 1
  }
}
