import type { AnsweringHost } from '../topology/host-description.ts'
import { detachmentOf } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Target } from './target.ts'

/** The hosts a target may be served by: two lists, because `masterShare` is decided by the dice at each pick. */
export interface SuitableHosts {
  readonly masters: readonly AnsweringHost[]
  readonly replicas: readonly AnsweringHost[]
}

/** How the caller ranks hosts of one role; soft: it narrows a list, it never empties it (law 7). */
export interface Preference {
  readonly weightOf: (host: AnsweringHost) => number
  /** Whether the host is in the preferred zone; always true without one. */
  readonly isNear: (host: AnsweringHost) => boolean
  /**
   * Whether the host keeps the manager's own bounds on lag; undefined without any. Soft for who is late, or shows too little to
   * tell; a replica that is not known to follow the master serves no read with a bound, whoever set it (law 18).
   */
  readonly isFresh?: ((host: AnsweringHost) => boolean) | undefined
}

/** All hosts that take writes and all that take reads now, narrowed by following, suspicion, lag, weight 0 and zone. */
export function suitableHosts(topology: Topology, preference: Preference): SuitableHosts {
  return {
    masters: narrowed(masters(topology), preference),
    replicas: narrowed(replicas(topology), preference),
  }
}

/** Which of the lists serves the target: the share for the master first, then the role, then the fallback. */
export function listFor<T>(
  target: Target,
  lists: { readonly masters: readonly T[]; readonly replicas: readonly T[]; readonly any: readonly T[] },
  random: () => number,
): readonly T[] {
  if (target.role === 'master') return lists.masters
  if (target.role === 'any') return lists.any
  const toMaster = target.masterShare > 0 && lists.masters.length > 0 && random() < target.masterShare
  if (toMaster) return lists.masters
  return lists.replicas.length === 0 && target.fallbackMaster ? lists.masters : lists.replicas
}

function narrowed(
  hosts: readonly AnsweringHost[],
  { weightOf, isNear, isFresh }: Preference,
): readonly AnsweringHost[] {
  const follows = (host: AnsweringHost): boolean => detachmentOf(host) === undefined
  const followers = isFresh === undefined ? orAll(hosts, follows) : hosts.filter(follows)
  const trusted = orAll(followers, (host) => host.suspicion === undefined)
  const fresh = isFresh === undefined ? trusted : orAll(trusted, isFresh)
  const wanted = orAll(fresh, (host) => weightOf(host) > 0)
  return orAll(wanted, isNear)
}

function orAll<T>(items: readonly T[], test: (item: T) => boolean): readonly T[] {
  const kept = items.filter(test)
  return kept.length > 0 ? kept : items
}
