/** What kind of host a caller wants. */
export interface Target {
  readonly role: 'master' | 'replica' | 'any'
  /** A replica is wanted, but the master will do when there is none. */
  readonly fallbackMaster: boolean
  /** The share of reads that the master takes while there are replicas too, 0 to 1. */
  readonly masterShare: number
}

/** The target of a write. */
export const MASTER: Target = Object.freeze({ role: 'master', fallbackMaster: false, masterShare: 0 })

/** The target in words, for messages. */
export function describeTarget(target: Target): string {
  if (target.role === 'any') return 'host'
  return target.role === 'replica' && target.fallbackMaster ? 'replica or master' : target.role
}
