import type { Candidate } from '../balancer/policy.ts'
import type { HostId, HostSpec } from '../dsn/host-spec.ts'
import type { ProbeAccount } from '../metrics/probe-account.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { PoolUsage } from '../pool/pool-usage.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { HostPreference } from './options.ts'

/** How long a host that was away takes to get its full share again, and the share it begins with. */
export const SLOW_START_MS = 10_000
export const FIRST_SHARE = 0.1

/** One host as the balancer sees it: the pool's live load, and the caller's preference. */
export class HostCandidate<TConnection, TPool> implements Candidate {
  // What policies read of every host comes first, to be close together in memory.
  readonly #usage: PoolUsage
  readonly #wholeWeight: number
  /** When the host came back after it had been away. */
  returnedAtMs: Milliseconds | undefined = undefined
  responseTimeMs: number | undefined = undefined
  readonly hostId: HostId
  readonly spec: HostSpec
  readonly pool: HostPool<TConnection, TPool>
  readonly preference: HostPreference
  readonly probes: ProbeAccount
  readonly #clock: Clock

  constructor(
    spec: HostSpec,
    pool: HostPool<TConnection, TPool>,
    probes: ProbeAccount,
    preference: HostPreference,
    clock: Clock,
  ) {
    this.#usage = pool.usage
    this.#clock = clock
    this.probes = probes
    this.hostId = spec.hostId
    this.spec = spec
    this.pool = pool
    this.preference = preference
    this.#wholeWeight = preference.weight > 0 ? preference.weight : 1
  }

  get leases(): number {
    return this.#usage.load
  }

  get capacity(): number {
    return this.#usage.capacity
  }

  get free(): number {
    return this.#usage.capacity - this.#usage.load
  }

  /**
   * The caller's weight; for a host that has just come back less, growing to the whole within ten seconds: its caches
   * are cold, and every process of a fleet sees it idle at the same moment. A host of weight 0 is only ever a candidate
   * among its like.
   */
  get weight(): number {
    const whole = this.#wholeWeight
    if (this.returnedAtMs === undefined) return whole
    const age = (this.#clock.nowMs() - this.returnedAtMs) / SLOW_START_MS
    return age >= 1 ? whole : whole * (FIRST_SHARE + (1 - FIRST_SHARE) * age)
  }
}
