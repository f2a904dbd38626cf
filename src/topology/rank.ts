import type { HostId } from '../dsn/host-spec.ts'
import type { Fencing } from './fencing.ts'
import { isSameServer, sealed, serverFenceOf } from './fencing.ts'
import type { AnsweringHost, HostDescription, Role } from './host-description.ts'
import { isAnswering, lastAnswerOf } from './host-description.ts'
import { clusterOf, implausibilityOf } from './plausible.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

export interface Ranked {
  readonly hosts: Hosts
  readonly fencing: Fencing
}

/**
 * Decides which of the writable hosts is the master, from what all hosts said last and from the claims that hold (law 10).
 *
 * A host below a claim of another one, or dismissed by an operator, is stale. Of several others the incumbent stays, else none is
 * master. A host that is not believed takes the role from nobody. LSNs are never compared: a revived old master may be ahead.
 * `before` is the memory with the newest observation in it; `sitting` the one who stays, if it can.
 */
export function rank(hosts: Hosts, before: Fencing, sitting: HostId | undefined = before.incumbent): Ranked {
  const systemId = chooseSystemId(hosts, before.systemId)
  const memory = sealed({ ...before, systemId })
  const judged = judge(hosts, memory)
  const writable = writableHosts(judged, systemId)
  // A host that cannot tell its timeline cannot be shown to be stale.
  const fenced = new Set(writable.filter((host) => serverFenceOf(host, judged, memory) !== undefined))
  const contenders = writable.filter((host) => !host.answer.readOnlyDefault && !fenced.has(host))
  const winner = electMaster(eligible(contenders, writable, memory), sitting, memory)
  const incumbent = winner?.hostId ?? before.incumbent
  const epoch = before.epoch + (incumbent === before.incumbent ? 0 : 1)
  const ranked = new Map<HostId, HostDescription>()
  for (const [hostId, host] of judged) {
    ranked.set(hostId, isAnswering(host) ? withRole(host, roleOf(host, systemId, fenced, winner)) : host)
  }
  return { hosts: ranked, fencing: Object.freeze({ ...memory, incumbent, epoch }) }
}

/** Each host with why it is not believed. */
function judge(hosts: Hosts, { systemId, shown }: Fencing): Hosts {
  const judged = new Map<HostId, HostDescription>()
  for (const [hostId, host] of hosts) {
    if (!isAnswering(host)) judged.set(hostId, host)
    else {
      const cluster = clusterOf(hostId, host.answer, hosts, systemId)
      const implausible = implausibilityOf(hostId, host.answer, cluster, hosts, shown)
      judged.set(hostId, implausible === host.implausible ? host : { ...host, implausible })
    }
  }
  return judged
}

/** Those that may become master: who is not believed only if nobody else can, and nobody else was before. */
function eligible(
  contenders: readonly AnsweringHost[],
  writable: readonly AnsweringHost[],
  { incumbent, accepted }: Fencing,
): readonly AnsweringHost[] {
  const believed = contenders.filter((host) => host.implausible === undefined || host.hostId === accepted?.hostId)
  if (believed.length > 0) return believed
  // A master that is read-only by setting is master still.
  const isVacant = incumbent === undefined && writable.every(({ implausible }) => implausible !== undefined)
  return contenders.filter(({ hostId }) => isVacant || hostId === incumbent)
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

function electMaster(
  contenders: readonly AnsweringHost[],
  incumbent: HostId | undefined,
  memory: Fencing,
): AnsweringHost | undefined {
  const sitting = contenders.find((host) => host.hostId === incumbent)
  if (sitting !== undefined) return successorOf(sitting, contenders, memory) ?? sitting
  const [first, ...others] = contenders
  return first !== undefined && others.every((other) => isSameServer(first, other)) ? first : undefined
}

/**
 * A master that is too busy to answer keeps its role by what it said last. A replica that has been seen writable since then was
 * promoted in its place, where timelines cannot tell.
 */
function successorOf(
  sitting: AnsweringHost,
  contenders: readonly AnsweringHost[],
  { runs }: Fencing,
): AnsweringHost | undefined {
  if (sitting.suspicion?.fault !== 'busy') return undefined
  const isLater = ({ hostId, suspicion }: AnsweringHost): boolean =>
    suspicion === undefined && (runs.get(hostId)?.promotedMs ?? -Infinity) > sitting.seenAtMs
  const [heir, ...others] = contenders.filter((host) => host !== sitting && isLater(host))
  return others.length === 0 ? heir : undefined
}

function roleOf(
  host: AnsweringHost,
  systemId: string | undefined,
  fenced: ReadonlySet<AnsweringHost>,
  winner: AnsweringHost | undefined,
): Role {
  if (isForeign(host, systemId)) return 'foreign-cluster'
  const role = plainRole(host)
  if (role === 'replica') return role
  if (fenced.has(host)) return 'stale-master'
  if (role === 'read-only-master' || host.hostId === winner?.hostId) return role
  return winner !== undefined && isSameServer(winner, host) ? 'duplicate-master' : 'rival-master'
}

function plainRole({ answer }: AnsweringHost): 'master' | 'replica' | 'read-only-master' {
  if (answer.inRecovery) return 'replica'
  return answer.readOnlyDefault ? 'read-only-master' : 'master'
}

function withRole(host: AnsweringHost, kind: Role): AnsweringHost {
  return host.kind === kind ? host : { ...host, kind }
}
