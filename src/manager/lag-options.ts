import { OptionsError } from '../errors.ts'
import type { Freshness } from '../selection/freshness.ts'
import type { Preference } from '../selection/suitable-hosts.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { WriteToken } from '../topology/write-token.ts'
import { parseToken } from '../topology/write-token.ts'
import { count, durationMs } from './check-option.ts'

/** The bounds that the manager itself sets. */
export interface ReplicaLag {
  readonly maxReplicaLagMs: Milliseconds | undefined
  readonly maxReplicaLagBytes: number | undefined
}

/** @throws {OptionsError} a bound is out of range, or there are several masters to be behind of. */
export function replicaLag(input: {
  readonly maxReplicaLagMs?: number | undefined
  readonly maxReplicaLagBytes?: number | undefined
  readonly multiMaster?: boolean | undefined
}): ReplicaLag {
  const { maxReplicaLagMs, maxReplicaLagBytes, multiMaster } = input
  const name = maxReplicaLagMs === undefined ? 'maxReplicaLagBytes' : 'maxReplicaLagMs'
  const isBound = maxReplicaLagMs !== undefined || maxReplicaLagBytes !== undefined
  if (isBound && multiMaster === true) {
    throw new OptionsError(name, `${name} makes no sense with multiMaster: there is no one master to be behind of`)
  }
  return {
    maxReplicaLagMs: maxReplicaLagMs === undefined ? undefined : durationMs('maxReplicaLagMs', maxReplicaLagMs),
    maxReplicaLagBytes: maxReplicaLagBytes === undefined ? undefined : count('maxReplicaLagBytes', maxReplicaLagBytes),
  }
}

/** The bounds of the manager as a preference; undefined without any, which costs nothing. */
export function preferFresh({ maxReplicaLagMs, maxReplicaLagBytes }: ReplicaLag): Preference['isFresh'] {
  if (maxReplicaLagMs === undefined && maxReplicaLagBytes === undefined) return undefined
  return ({ lag }) => {
    if (lag === undefined || (maxReplicaLagMs !== undefined && lag.ms > maxReplicaLagMs)) return false
    return maxReplicaLagBytes === undefined || (lag.bytes !== undefined && lag.bytes <= maxReplicaLagBytes)
  }
}

/** How fresh the data that is read must be; what cannot be had from one replica is had from another, or waited for. */
export interface FreshnessOptions {
  /**
   * Only hosts that are known to have everything that the master had written this many milliseconds ago; default no bound.
   * A host of which nothing that recent is known is asked first, so less than a few round trips cannot be had.
   */
  readonly maxLagMs?: number
  /** Only hosts that are at most this many bytes of write-ahead log behind the master; default no bound. */
  readonly maxLagBytes?: number
  /**
   * A token of `writeToken`: only hosts that have the write. Undefined, as for a cookie that is not there: any host.
   * @throws {TokenUnreachableError} the acquire rejects with it when the write may have been lost in a failover.
   */
  readonly after?: string | undefined
}

/**
 * What the options demand; undefined when they demand nothing.
 * @throws {OptionsError} a bound is out of range, the token is not one, or a bound on lag comes with a write.
 */
export function freshnessOf(input: FreshnessOptions, isWrite: boolean, multiMaster: boolean): Freshness | undefined {
  const { maxLagMs, maxLagBytes, after } = input
  if (maxLagMs === undefined && maxLagBytes === undefined && after === undefined) return undefined
  const bound = maxLagMs === undefined ? 'maxLagBytes' : 'maxLagMs'
  if (maxLagMs !== undefined || maxLagBytes !== undefined) {
    if (isWrite) throw new OptionsError(bound, `${bound} is for reads: the master is never behind`)
    if (multiMaster) throw new OptionsError(bound, `${bound} makes no sense with multiMaster`)
  }
  return Object.freeze({
    maxLagMs: maxLagMs === undefined ? undefined : durationMs('maxLagMs', maxLagMs),
    maxLagBytes: maxLagBytes === undefined ? undefined : count('maxLagBytes', maxLagBytes),
    after: after === undefined ? undefined : tokenOf(after),
  })
}

function tokenOf(text: string): WriteToken {
  const token = typeof text === 'string' ? parseToken(text) : undefined
  if (token !== undefined) return token
  throw new OptionsError(
    'after',
    'after must be a token of writeToken; what was given is none, or was changed on its way',
  )
}
