import type { HostId, NonEmpty } from '../dsn/host-spec.ts'
import type { Random } from '../random/random.ts'

/** What a policy may know of one suitable host; the numbers are live, read at the moment of the pick. */
export interface Candidate {
  readonly hostId: HostId
  /** Connections of this host that are leased, being checked out or waited for, by hasql's own count. */
  readonly leases: number
  /** The most connections the host's pool may hold. */
  readonly capacity: number
  /** `capacity` less `leases`; negative when callers are waiting for a connection. */
  readonly free: number
  /** Median round trip of the host's last eight probes in milliseconds; undefined before the first. */
  readonly responseTimeMs: number | undefined
  /** The share of traffic the caller wants for the host relative to the others; 1 by default, always > 0 here. */
  readonly weight: number
}

/** What a policy is given beside the candidates. */
export interface PolicyContext {
  readonly random: Random
}

/**
 * Chooses one of the suitable hosts.
 *
 * ```ts
 * const firstHost: BalancerPolicy = { name: 'first', pick: (candidates) => candidates[0] }
 * new PoolManager(dsn, { balancerPolicy: firstHost })
 * ```
 * A policy cannot wait and never sees an empty list: hosts that do not fit the request were taken out before. It must
 * return one of the candidates it was given. It may keep state of its own between picks.
 */
export interface BalancerPolicy {
  readonly name: string
  pick(candidates: NonEmpty<Candidate>, context: PolicyContext): Candidate
}
