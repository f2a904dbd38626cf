import type { Freshness } from './freshness.ts'

/** What kind of host a caller wants. */
export interface Target {
  readonly role: 'master' | 'replica' | 'any'
  /** A replica is wanted, but the master will do when there is none. */
  readonly fallbackMaster: boolean
  /** The share of reads that the master takes while there are replicas too, 0 to 1. */
  readonly masterShare: number
  /** What the caller demands of the data; undefined for the usual caller, who demands nothing. */
  readonly freshness?: Freshness | undefined
}

/** The target of a write. */
export const MASTER: Target = Object.freeze({
  role: 'master',
  fallbackMaster: false,
  masterShare: 0,
  freshness: undefined,
})

/** The target in words, for messages. */
export function describeTarget(target: Target): string {
  const wanted = target.role === 'any' ? 'host' : target.role
  const host = wanted === 'replica' && target.fallbackMaster ? 'replica or master' : wanted
  return target.freshness === undefined ? host : `${host} that is fresh enough`
}
