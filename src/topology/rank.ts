import type { HostId } from '../dsn/host-spec.ts'
import type { AnsweringHost, HostDescription, Role } from './host-description.ts'
import { isAnswering, lastAnswerOf } from './host-description.ts'
import type { Fencing } from './topology.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

export interface Ranked {
  readonly hosts: Hosts
  readonly fencing: Fencing
}

/**
 * Decides which of the writable hosts is the master, from what all hosts said last (law 10).
 *
 * The highest timeline ever seen on the cluster is the master's; a lower one is stale. Of several on the highest
 * timeline the incumbent stays, else none is master. LSNs are never compared: a revived old master may be ahead.
 */
export function rank(hosts: Hosts, before: Fencing): Ranked {
  const systemId = chooseSystemId(hosts, before.systemId)
  const writable = writableHosts(hosts, systemId)
  const { highestTimeline: known, leftTimelines } = recall(before, systemId)
  const highestTimeline = Math.max(known, ...writable.map((host) => host.answer.timeline ?? 0))
  const contenders = writable.filter((host) => !host.answer.readOnlyDefault && !isStale(host, highestTimeline))
  const winner = electMaster(contenders, before.incumbent)
  const incumbent = winner?.hostId ?? before.incumbent
  const epoch = before.epoch + (incumbent === before.incumbent ? 0 : 1)
  const ranked = new Map<HostId, HostDescription>()
  for (const [hostId, host] of hosts) {
    ranked.set(hostId, isAnswering(host) ? withRole(host, roleOf(host, systemId, highestTimeline, winner)) : host)
  }
  return { hosts: ranked, fencing: Object.freeze({ systemId, highestTimeline, leftTimelines, incumbent, epoch }) }
}

/** What was seen of the timelines of the cluster that is chosen now; those of one that is left are kept. */
function recall(before: Fencing, systemId: string | undefined): Pick<Fencing, 'highestTimeline' | 'leftTimelines'> {
  const { systemId: left, highestTimeline, leftTimelines } = before
  if (left === undefined || systemId === undefined || left === systemId) return before
  const kept = new Map(leftTimelines).set(left, highestTimeline)
  return { highestTimeline: leftTimelines.get(systemId) ?? 0, leftTimelines: kept }
}

/** Every writable host is a master: for clusters that replicate in both directions (`multiMaster`). */
export function rankMultiMaster(hosts: Hosts, before: Fencing): Ranked {
  const ranked = new Map<HostId, HostDescription>()
  for (const [hostId, host] of hosts) ranked.set(hostId, isAnswering(host) ? withRole(host, plainRole(host)) : host)
  const isMaster = (hostId: HostId): boolean => ranked.get(hostId)?.kind === 'master'
  const sitting = before.incumbent !== undefined && isMaster(before.incumbent)
  const incumbent = sitting ? before.incumbent : ([...ranked.keys()].find(isMaster) ?? before.incumbent)
  const epoch = before.epoch + (incumbent === before.incumbent ? 0 : 1)
  return { hosts: ranked, fencing: Object.freeze({ ...before, incumbent, epoch }) }
}

/**
 * The cluster most hosts say they belong to (by their last answer, so that an outage does not change it); on a tie the
 * one already chosen, else the first in the order of the DSN.
 */
function chooseSystemId(hosts: Hosts, chosen: string | undefined): string | undefined {
  const votes = new Map<string, number>()
  for (const host of hosts.values()) {
    const systemId = lastAnswerOf(host)?.systemId
    if (systemId !== undefined) votes.set(systemId, (votes.get(systemId) ?? 0) + 1)
  }
  let best = chosen
  let bestVotes = chosen === undefined ? 0 : (votes.get(chosen) ?? 0)
  for (const [systemId, count] of votes) {
    if (count > bestVotes) {
      best = systemId
      bestVotes = count
    }
  }
  return best
}

function writableHosts(hosts: Hosts, systemId: string | undefined): AnsweringHost[] {
  return [...hosts.values()].filter(isAnswering).filter((host) => !host.answer.inRecovery && !isForeign(host, systemId))
}

function isForeign(host: AnsweringHost, systemId: string | undefined): boolean {
  return host.answer.systemId !== undefined && systemId !== undefined && host.answer.systemId !== systemId
}

/** A host that cannot tell its timeline cannot be shown to be stale. */
function isStale(host: AnsweringHost, highestTimeline: number): boolean {
  return host.answer.timeline !== undefined && host.answer.timeline < highestTimeline
}

function electMaster(contenders: readonly AnsweringHost[], incumbent: HostId | undefined): AnsweringHost | undefined {
  const sitting = contenders.find((host) => host.hostId === incumbent)
  if (sitting !== undefined) return successorOf(sitting, contenders) ?? sitting
  const [first, ...others] = contenders
  return first !== undefined && others.every((other) => isSameServer(first, other)) ? first : undefined
}

/**
 * A master that is too busy to answer keeps its role by what it said last. A host that has been writable only since then was
 * promoted in its place, where timelines cannot tell.
 */
function successorOf(sitting: AnsweringHost, contenders: readonly AnsweringHost[]): AnsweringHost | undefined {
  if (sitting.suspicion?.fault !== 'busy') return undefined
  const isLater = (host: AnsweringHost): boolean => host.suspicion === undefined && host.sinceMs > sitting.seenAtMs
  const [heir, ...others] = contenders.filter((host) => host !== sitting && isLater(host))
  return others.length === 0 ? heir : undefined
}

function isSameServer(one: AnsweringHost, other: AnsweringHost): boolean {
  const { systemId, incarnation } = one.answer
  return (
    systemId !== undefined &&
    incarnation !== undefined &&
    systemId === other.answer.systemId &&
    incarnation === other.answer.incarnation
  )
}

function roleOf(
  host: AnsweringHost,
  systemId: string | undefined,
  highestTimeline: number,
  winner: AnsweringHost | undefined,
): Role {
  if (isForeign(host, systemId)) return 'foreign-cluster'
  const role = plainRole(host)
  if (role === 'replica') return role
  if (isStale(host, highestTimeline)) return 'stale-master'
  if (role === 'read-only-master' || host === winner) return role
  return winner !== undefined && isSameServer(winner, host) ? 'duplicate-master' : 'rival-master'
}

function plainRole({ answer }: AnsweringHost): 'master' | 'replica' | 'read-only-master' {
  if (answer.inRecovery) return 'replica'
  return answer.readOnlyDefault ? 'read-only-master' : 'master'
}

function withRole(host: AnsweringHost, kind: Role): AnsweringHost {
  return host.kind === kind ? host : { ...host, kind }
}
