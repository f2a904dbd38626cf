import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering, lastAnswerOf } from './host-description.ts'
import type { HostObservation, RoleAnswer } from './observation.ts'
import { isTimeline } from './plausible.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

/**
 * A host, the witness, was seen *writable* on a timeline (law 10). While the claim holds, every other host that takes writes on a
 * lower timeline of the cluster is fenced. How a claim ends is in `claim-ends.ts`; nothing else ends one, neither time nor the
 * absence of its witness from the hosts.
 */
export interface Claim {
  /** The witness, by the name under which it was seen. */
  readonly hostId: HostId
  /** Every name under which the witness has answered, this one included. */
  readonly names: ReadonlySet<HostId>
  /** The cluster it was held to be of; undefined while no host tells. */
  readonly systemId: string | undefined
  readonly timeline: number
  /** The life and the address of the server that was the witness; undefined where it does not tell. */
  readonly incarnation: string | undefined
  readonly serverAddress: string | undefined
  /** When the witness was first and last seen writable on it. */
  readonly firstSeenMs: Milliseconds
  readonly lastSeenMs: Milliseconds
  /** When the question was sent that it answered so last: it has not been in recovery in the same life since. */
  readonly lastAskedMs: number
  /** When the witness was last seen in recovery before: it was promoted later. Undefined when its promotion was not watched. */
  readonly recoveryUntilMs: Milliseconds | undefined
  /** From when on it counts as writable: `firstSeenMs`, or `recoveryUntilMs` when checks failed in between. */
  readonly writableFromMs: Milliseconds | undefined
  /** Since when it took no writes any more: nobody listened, or it was starting or shutting down. Undefined while not seen so. */
  readonly endedMs: Milliseconds | undefined
  /** The witness in recovery again; undefined while it was not seen so. */
  readonly recovery: Recovery | undefined
  /** Whether another timeline near this one was seen; an unconfirmed claim ends when only far lower ones turn up. */
  readonly isConfirmed: boolean
  /** The hosts below that took writes at every check since before the witness was promoted, and in which life. */
  readonly unbroken: ReadonlyMap<HostId, string | undefined>
  /** The first position of each host below that was given after the claim had appeared. */
  readonly positions: ReadonlyMap<HostId, bigint>
  /** Of each other replica the WAL receiver that is not new: the one seen when the claim appeared; `none`: any is new. */
  readonly receivers: ReadonlyMap<HostId, number | 'none'>
}

/** What a witness has answered since it was last seen writable. */
export interface Recovery {
  /** Its first and its last answer in recovery. */
  readonly firstMs: Milliseconds
  readonly lastMs: Milliseconds
  /** Its first answer in recovery in this life of the server: it has not been promoted since. */
  readonly lifeMs: Milliseconds
  /** Since when each check was answered in recovery; undefined when the last one failed. */
  readonly steadyMs: Milliseconds | undefined
  readonly incarnation: string | undefined
  /** Since when its control file is below the claim while this receiver runs; undefined when that is not so. */
  readonly below: { readonly sinceMs: Milliseconds; readonly receiver: number } | undefined
}

/** A claim that an operator dismissed: that host is fenced up to this timeline until it has been seen in recovery. */
export interface Dismissal {
  readonly hostId: HostId
  readonly systemId: string | undefined
  readonly timeline: number
}

/** A stretch of checks that a host answered alike, in one life of its server. */
export interface Run {
  readonly inRecovery: boolean
  readonly sinceMs: Milliseconds
  readonly lastMs: Milliseconds
  readonly incarnation: string | undefined
  /** Whether no check failed, was missed, or left the host under suspicion since. */
  readonly isUnbroken: boolean
  /** When it was first seen writable after it had been seen in recovery, whatever came in between; undefined when it never was so. */
  readonly promotedMs: Milliseconds | undefined
}

/** Of one host so many claims are remembered, of servers that its name led to and of clusters that they are of. */
const CLAIMS_KEPT = 16

/** The host's run after an observation of it. */
export function nextRun(run: Run | undefined, seen: HostObservation, host: HostDescription): Run | undefined {
  const isDoubted = !isAnswering(host) || host.suspicion !== undefined
  if (seen.kind === 'failed' || isDoubted) return run?.isUnbroken === true ? { ...run, isUnbroken: false } : run
  const { inRecovery, incarnation } = seen.answer
  const isSame = run?.isUnbroken === true && run.inRecovery === inRecovery && run.incarnation === incarnation
  const isPromoted = run?.inRecovery === true && !inRecovery
  const promotedMs = isPromoted ? seen.atMs : inRecovery ? undefined : run?.promotedMs
  const sinceMs = isSame ? run.sinceMs : seen.atMs
  return { inRecovery, sinceMs, lastMs: seen.atMs, incarnation, isUnbroken: true, promotedMs }
}

/** What an observation of the witness makes of its claim, and what one of another host does. Ending it is not decided here. */
export function noteObservation(claim: Claim, seen: Seen): Claim {
  const { observation, run } = seen
  if (claim.hostId === observation.hostId) return noteWitness(claim, seen)
  if (observation.kind === 'answered' && isKnownAs(claim, observation))
    return noteWitness(named(claim, observation), seen)
  const unbroken = withoutBroken(claim, observation.hostId, run)
  const noted = unbroken === claim.unbroken ? claim : { ...claim, unbroken }
  if (observation.kind === 'failed' || run?.isUnbroken !== true || seen.systemId !== claim.systemId) return noted
  return noteBystander(noted, observation)
}

/** An observation, the run of its host after it, and the cluster that the host is held to be of. */
export interface Seen {
  readonly observation: HostObservation
  readonly run: Run | undefined
  readonly systemId: string | undefined
}

type Answered = Extract<HostObservation, { kind: 'answered' }>

/** Whether the answer is one of the witness under another name of it. */
function isKnownAs(claim: Claim, { hostId, answer }: Answered): boolean {
  if (answer.systemId !== claim.systemId) return false
  const isSameLife = answer.incarnation !== undefined && answer.incarnation === claim.incarnation
  return isSameLife || (claim.names.has(hostId) && !isAnotherServer(claim, answer))
}

function named(claim: Claim, { hostId }: Answered): Claim {
  return claim.names.has(hostId) ? claim : { ...claim, names: new Set([...claim.names, hostId]) }
}

function noteWitness(claim: Claim, { observation, run, systemId }: Seen): Claim {
  const { recovery } = claim
  if (observation.kind === 'failed' || run?.isUnbroken !== true || systemId !== claim.systemId) {
    const endedMs = claim.endedMs ?? (isGone(observation) ? observation.atMs : undefined)
    const isNews = recovery?.steadyMs !== undefined || endedMs !== claim.endedMs
    return isNews ? { ...claim, endedMs, recovery: recovery && { ...recovery, steadyMs: undefined } } : claim
  }
  const { answer, atMs, roundTripMs } = observation
  // No gap either: while the witness answers in one life, it has been in recovery all the time between two such answers.
  if (isAnotherServer(claim, answer)) return claim
  if (answer.inRecovery) return { ...claim, recovery: nextRecovery(claim, observation) }
  if (answer.timeline !== claim.timeline) return claim
  const { incarnation, serverAddress } = answer
  const lastAskedMs = Math.max(claim.lastAskedMs, atMs - roundTripMs)
  return {
    ...claim,
    incarnation,
    serverAddress,
    lastSeenMs: atMs,
    lastAskedMs,
    endedMs: undefined,
    recovery: undefined,
  }
}

/**
 * Whether an answer under the name of the witness is that of another server, which says nothing of the claim: a proxy, a service or a
 * name leads there now. It answers in a life that it began before the witness was last seen writable in another one.
 *
 * At the same address it is held for the same server, unless that is a loopback address, which every server has. An answer in the very
 * life of the witness is its own, also when it was restarted behind a pooler: the pooler keeps the connection, and the identity is
 * asked once for each connection.
 */
export function isAnotherServer(claim: Claim, answer: RoleAnswer): boolean {
  if (answer.incarnation === claim.incarnation) return false
  const { serverAddress } = answer
  if (serverAddress !== undefined && !isLoopback(serverAddress) && serverAddress === claim.serverAddress) return false
  return answer.lifeBeganMs !== undefined && answer.lifeBeganMs < claim.lastAskedMs
}

/** Poolers that sit beside their servers reach them so. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address.startsWith('::1:')
}

/** The server's own machine, or the server, says that it serves nobody now. */
function isGone(seen: HostObservation): boolean {
  return seen.kind === 'failed' && (seen.fault === 'down' || seen.fault === 'not-ready')
}

function nextRecovery({ recovery: before, timeline }: Claim, { atMs, answer }: Answered): Recovery {
  const { incarnation, reachedTimeline, receiver } = answer
  const isSameLife = before !== undefined && before.incarnation === incarnation
  const isBelow = isTimeline(reachedTimeline) && reachedTimeline < timeline && typeof receiver === 'number'
  const isSameReceiver = isSameLife && before.below?.receiver === receiver
  const below = isBelow
    ? { sinceMs: (isSameReceiver ? before.below?.sinceMs : undefined) ?? atMs, receiver }
    : undefined
  return {
    firstMs: before?.firstMs ?? atMs,
    lastMs: atMs,
    lifeMs: isSameLife ? before.lifeMs : atMs,
    steadyMs: (isSameLife ? before.steadyMs : undefined) ?? atMs,
    incarnation,
    below,
  }
}

function withoutBroken({ unbroken }: Claim, hostId: HostId, run: Run | undefined): Claim['unbroken'] {
  if (!unbroken.has(hostId)) return unbroken
  if (run?.isUnbroken === true && !run.inRecovery && run.incarnation === unbroken.get(hostId)) return unbroken
  const kept = new Map(unbroken)
  kept.delete(hostId)
  return kept
}

/** What another host says after the claim has appeared. One that takes writes receives nothing: a later receiver is new. */
function noteBystander(claim: Claim, { hostId, answer, roundTripMs, atMs }: Answered): Claim {
  // The question may have been asked before the claim appeared.
  if (atMs - roundTripMs < claim.firstSeenMs) return claim
  const { lsn, inRecovery } = answer
  const receiver = inRecovery ? answer.receiver : 'none'
  const known = claim.receivers.get(hostId)
  const isReceiverNews = receiver !== undefined && known !== receiver && (known === undefined || receiver === 'none')
  const isPositionNews = !inRecovery && lsn !== undefined && !claim.positions.has(hostId)
  if (!isReceiverNews && !isPositionNews) return claim
  const receivers = isReceiverNews ? new Map(claim.receivers).set(hostId, receiver) : claim.receivers
  const positions = isPositionNews ? new Map(claim.positions).set(hostId, lsn) : claim.positions
  return { ...claim, receivers, positions }
}

/** What a claim is made of: a host that was seen writable, and the answer that said so. */
export interface SeenWritable extends Pick<Claim, 'hostId' | 'systemId' | 'timeline' | 'lastAskedMs'> {
  readonly answer: RoleAnswer
  readonly atMs: Milliseconds
}

/**
 * The claims after a host was seen writable: a higher timeline of the same server and cluster takes the place of the one before.
 * `runs` are from before the answer.
 */
export function withClaim(
  claims: readonly Claim[],
  made: SeenWritable,
  hosts: Hosts,
  runs: ReadonlyMap<HostId, Run>,
): readonly Claim[] {
  const { hostId, systemId, timeline, answer, lastAskedMs, atMs } = made
  const { incarnation, serverAddress } = answer
  const isOwn = (claim: Claim): boolean =>
    claim.hostId === hostId && claim.systemId === systemId && !isAnotherServer(claim, answer)
  if (claims.some((claim) => isOwn(claim) && claim.timeline >= timeline)) return claims
  // Promotions are no restarts: what was in recovery in another life may have been another server.
  const known = runs.get(hostId)
  const run = known?.incarnation === incarnation ? known : undefined
  const recoveryUntilMs = run?.inRecovery === true ? run.lastMs : undefined
  const claim: Claim = Object.freeze({
    hostId,
    names: namesOf(made, hosts),
    systemId,
    timeline,
    incarnation,
    serverAddress,
    firstSeenMs: atMs,
    lastSeenMs: atMs,
    lastAskedMs,
    recoveryUntilMs,
    writableFromMs: run?.inRecovery === true && run.isUnbroken ? atMs : recoveryUntilMs,
    endedMs: undefined,
    recovery: undefined,
    isConfirmed: false,
    unbroken: unbrokenBelow(made, hosts, runs, recoveryUntilMs),
    positions: new Map(),
    receivers: receiversOf(hosts, hostId),
  })
  const others = claims.filter((each) => !isOwn(each))
  const same = others.filter((each) => each.hostId === hostId)
  const forgotten = same.sort((one, other) => one.timeline - other.timeline).slice(0, 1 - CLAIMS_KEPT)
  return [...others.filter((each) => !forgotten.includes(each)), claim]
}

/** The hosts that have answered last in the life of the witness. */
function namesOf({ hostId, systemId, answer }: SeenWritable, hosts: Hosts): ReadonlySet<HostId> {
  const names = new Set([hostId])
  for (const host of hosts.values()) {
    const last = lastAnswerOf(host)
    const isSame = last?.incarnation !== undefined && last.incarnation === answer.incarnation
    if (isSame && last.systemId === systemId) names.add(host.hostId)
  }
  return names
}

/** Who answered as writable while the witness was in recovery still, and has at every check since. */
function unbrokenBelow(
  { hostId, timeline }: Pick<Claim, 'hostId' | 'timeline'>,
  hosts: Hosts,
  runs: ReadonlyMap<HostId, Run>,
  recoveryUntilMs: Milliseconds | undefined,
): Claim['unbroken'] {
  const found = new Map<HostId, string | undefined>()
  for (const host of trustedHosts(hosts)) {
    const run = runs.get(host.hostId)
    const isBelow = host.hostId !== hostId && (host.answer.timeline ?? Infinity) < timeline
    if (!isBelow || run === undefined || run.inRecovery || !run.isUnbroken) continue
    if (run.sinceMs <= (recoveryUntilMs ?? -Infinity)) found.set(host.hostId, run.incarnation)
  }
  return found
}

function receiversOf(hosts: Hosts, witness: HostId): Claim['receivers'] {
  const found = new Map<HostId, number | 'none'>()
  for (const { hostId, answer } of trustedHosts(hosts)) {
    const receiver = answer.inRecovery ? answer.receiver : 'none'
    if (hostId !== witness && receiver !== undefined) found.set(hostId, receiver)
  }
  return found
}

/** Those that answered their last check. */
export function trustedHosts(hosts: Hosts): AnsweringHost[] {
  return [...hosts.values()].filter(isAnswering).filter(({ suspicion }) => suspicion === undefined)
}
