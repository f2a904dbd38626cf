import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { endClaims } from './claim-ends.ts'
import type { Claim, Dismissal, Run } from './claims.ts'
import { isAnotherServer, nextRun, noteObservation, trustedHosts, withClaim } from './claims.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'
import type { HostObservation, RoleAnswer } from './observation.ts'
import type { ShownTimelines } from './plausible.ts'
import { clusterOf, implausibilityOf, isFarAbove, isTimeline, withoutFar, withoutOwn, withShown } from './plausible.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

/** What fencing remembers between observations. */
export interface Fencing {
  /** The cluster the manager works with; undefined until a host told. */
  readonly systemId: string | undefined
  /** The highest timeline of the claims that hold on that cluster; 0 while there is none. */
  readonly highestTimeline: number
  /** The claims that hold, at most one for each server and cluster; also those of clusters that were left for another. */
  readonly claims: readonly Claim[]
  /** What an operator dismissed; at most one for each host and cluster. */
  readonly dismissals: readonly Dismissal[]
  /** Timelines whose claims have ended: what was written there is given up. The newest 16. */
  readonly abandoned: readonly AbandonedTimeline[]
  /** The operator's last word; undefined when there is none, or its host has been seen in recovery since. */
  readonly accepted: AcceptedMaster | undefined
  /** How long each host has answered alike. */
  readonly runs: ReadonlyMap<HostId, Run>
  /** The timelines that a plausible one is near to. */
  readonly shown: ShownTimelines
  /** The host last known as master, also while it is away. */
  readonly incumbent: HostId | undefined
  /** Counts the changes of master: every master ever known has a number of its own. */
  readonly epoch: number
}

export interface AbandonedTimeline {
  readonly systemId: string | undefined
  readonly timeline: number
}

/** What `acceptMaster` made of the claims: whose, and up to which timeline. */
export interface AcceptedMaster {
  readonly hostId: HostId
  readonly atMs: Milliseconds
  /** The life of the accepted server: under whatever name it answers, it is not one that was dismissed. */
  readonly incarnation: string | undefined
  readonly dismissed: readonly Dismissal[]
}

export const NO_FENCING: Fencing = Object.freeze({
  systemId: undefined,
  highestTimeline: 0,
  claims: Object.freeze([]),
  dismissals: Object.freeze([]),
  abandoned: Object.freeze([]),
  accepted: undefined,
  runs: new Map(),
  shown: new Map(),
  incumbent: undefined,
  epoch: 0,
})

const ABANDONED_KEPT = 16

/** Why a writable host is fenced. */
export type Fence =
  { readonly kind: 'claimed'; readonly claim: Claim } | { readonly kind: 'dismissed'; readonly dismissal: Dismissal }

/** Why what a host said keeps it from every lease; undefined when it is in recovery, or not fenced. The highest claim counts. */
export function fenceOf(hostId: HostId, answer: RoleAnswer | undefined, fencing: Fencing): Fence | undefined {
  const { timeline, inRecovery = true } = answer ?? {}
  if (inRecovery || !isTimeline(timeline)) return undefined
  const { systemId, claims, dismissals, accepted } = fencing
  const dismissal = dismissals.find((each) => each.hostId === hostId && each.systemId === systemId)
  const isAccepted = answer?.incarnation !== undefined && answer.incarnation === accepted?.incarnation
  if (dismissal !== undefined && timeline <= dismissal.timeline && !isAccepted) return { kind: 'dismissed', dismissal }
  const above = claims.filter(
    (claim) => claim.hostId !== hostId && claim.systemId === systemId && claim.timeline > timeline,
  )
  const claim = above.sort((one, other) => other.timeline - one.timeline)[0]
  return claim === undefined ? undefined : { kind: 'claimed', claim }
}

/** The fence of the server behind the host: under all its names if under one. */
export function serverFenceOf(host: AnsweringHost, hosts: Hosts, fencing: Fencing): Fence | undefined {
  const own = fenceOf(host.hostId, host.answer, fencing)
  if (own !== undefined) return own
  // An older answer, from before the server was promoted, decides nothing.
  const isOnSameTimeline = (other: AnsweringHost): boolean =>
    other !== host && other.answer.timeline === host.answer.timeline && isSameServer(host, other)
  const others = [...hosts.values()].filter(isAnswering).filter(isOnSameTimeline)
  return others.map(({ hostId, answer }) => fenceOf(hostId, answer, fencing)).find((fence) => fence !== undefined)
}

/** Whether two hosts have answered in one life of one server. */
export function isSameServer(one: AnsweringHost, other: AnsweringHost): boolean {
  const { systemId, incarnation } = one.answer
  return (
    systemId !== undefined &&
    incarnation !== undefined &&
    systemId === other.answer.systemId &&
    incarnation === other.answer.incarnation
  )
}

/** Whether the failure of a check that changes nothing else ends a run of answers. */
export function endsRun(seen: HostObservation, { runs }: Fencing): boolean {
  const isCheck = seen.evidence.generation === undefined
  return seen.kind === 'failed' && isCheck && runs.get(seen.hostId)?.isUnbroken === true
}

/** The memory after an observation; `hosts` are described by it, and not ranked yet. */
export function recordClaims(before: Fencing, observation: HostObservation, hosts: Hosts): Fencing {
  const { hostId } = observation
  const host = hosts.get(hostId)
  if (host === undefined) return before
  const run = nextRun(before.runs.get(hostId), observation, host)
  const runs =
    run === undefined || run === before.runs.get(hostId) ? before.runs : new Map(before.runs).set(hostId, run)
  const systemId =
    observation.kind === 'answered' ? clusterOf(hostId, observation.answer, hosts, before.systemId) : undefined
  const seen = { observation, run, systemId }
  const noted = before.claims.map((claim) => noteObservation(claim, seen))
  const held = endClaims(noted, hosts)
  const memory = { ...before, runs, claims: held }
  const made = observation.kind === 'answered' ? withAnswer(memory, observation, systemId, hosts, before.runs) : memory
  const claims = confirmed(made.claims, made.shown)
  const ended = noted.filter((claim) => !held.includes(claim))
  return { ...made, claims, abandoned: withAbandoned(before.abandoned, ended, claims) }
}

type Answered = Extract<HostObservation, { kind: 'answered' }>

function withAnswer(
  memory: Fencing,
  { hostId, answer, atMs, roundTripMs }: Answered,
  systemId: string | undefined,
  hosts: Hosts,
  runsBefore: Fencing['runs'],
): Fencing {
  const shown = withoutFar(withShown(memory.shown, hostId, systemId, answer))
  const { claims, dismissals } = memory
  const accepted = sameLife(memory.accepted, hostId, answer)
  const isTamed = answer.inRecovery && trustedHosts(hosts).some((host) => host.hostId === hostId)
  if (isTamed) {
    const left = dismissals.filter((each) => each.hostId !== hostId || each.systemId !== systemId)
    const isRevoked = accepted?.hostId === hostId
    return { ...memory, shown, dismissals: left, accepted: isRevoked ? undefined : accepted }
  }
  const { timeline } = answer
  const isClaim =
    !answer.inRecovery &&
    timeline !== undefined &&
    implausibilityOf(hostId, answer, systemId, hosts, shown) === undefined
  const noted = { ...memory, shown, accepted }
  if (!isClaim || fenceOf(hostId, answer, noted)?.kind === 'dismissed') return noted
  const made = { hostId, systemId, timeline, answer, atMs, lastAskedMs: atMs - roundTripMs }
  return { ...noted, claims: withClaim(claims, made, hosts, runsBefore) }
}

/** The operator's word holds for the accepted server through its restarts. */
function sameLife(
  accepted: AcceptedMaster | undefined,
  hostId: HostId,
  { incarnation }: RoleAnswer,
): AcceptedMaster | undefined {
  if (accepted?.hostId !== hostId || accepted.incarnation === incarnation) return accepted
  return Object.freeze({ ...accepted, incarnation })
}

/** Looks again at claims made before anybody else had shown a timeline: one far above all others was implausible, and ends. */
function confirmed(claims: readonly Claim[], shown: ShownTimelines): readonly Claim[] {
  return claims.flatMap((claim) => {
    const others = withoutOwn(shown, claim.hostId)
    const isAlone = ![...others.values()].some(({ systemId }) => systemId === claim.systemId)
    if (claim.isConfirmed || isAlone) return [claim]
    return isFarAbove(claim.timeline, claim.systemId, others) ? [] : [Object.freeze({ ...claim, isConfirmed: true })]
  })
}

function withAbandoned(
  abandoned: readonly AbandonedTimeline[],
  ended: readonly AbandonedTimeline[],
  held: readonly Claim[],
): readonly AbandonedTimeline[] {
  const isHeld = ({ systemId, timeline }: AbandonedTimeline): boolean =>
    held.some((claim) => claim.systemId === systemId && claim.timeline === timeline)
  if (ended.length === 0 && !abandoned.some(isHeld)) return abandoned
  const all = [...abandoned, ...ended.map(({ systemId, timeline }) => ({ systemId, timeline }))]
  return Object.freeze(all.filter((each) => !isHeld(each)).slice(-ABANDONED_KEPT))
}

/**
 * The memory after an operator said that a writable host is the master: the claims of other servers on its timeline or above are
 * dismissed. The very same object when there is nothing to dismiss.
 */
export function dismissClaims(before: Fencing, hostId: HostId, atMs: Milliseconds, hosts: Hosts): Fencing {
  const host = hosts.get(hostId)
  if (host === undefined || !isAnswering(host)) return before
  const { timeline = Infinity, incarnation } = host.answer
  const { systemId } = before
  const named = before.claims.filter((claim) => {
    if (claim.systemId !== systemId || claim.timeline < timeline) return false
    // Its own, under whatever name.
    const isNamed = claim.hostId === hostId && !isAnotherServer(claim, host.answer)
    return !isNamed && (incarnation === undefined || claim.incarnation !== incarnation)
  })
  const dismissed = dismissalsOf(named, systemId).filter((each) => each.hostId !== hostId)
  const isKept = (each: Dismissal): boolean =>
    each.systemId !== systemId || (each.hostId !== hostId && !dismissed.some((other) => other.hostId === each.hostId))
  const claims = before.claims.filter((claim) => !named.includes(claim))
  return {
    ...before,
    claims,
    dismissals: Object.freeze([...before.dismissals.filter(isKept), ...dismissed]),
    abandoned: withAbandoned(
      before.abandoned,
      named.filter((each) => each.timeline > timeline),
      claims,
    ),
    accepted: Object.freeze({ hostId, atMs, incarnation, dismissed: Object.freeze(dismissed) }),
  }
}

/** One for each name of the witnesses, up to the highest timeline that it is known for. */
function dismissalsOf(claims: readonly Claim[], systemId: string | undefined): readonly Dismissal[] {
  const timelines = new Map<HostId, number>()
  for (const { names, timeline } of claims) {
    for (const name of names) timelines.set(name, Math.max(timeline, timelines.get(name) ?? 0))
  }
  return [...timelines].map(([hostId, timeline]) => Object.freeze({ hostId, systemId, timeline }))
}

/** The memory with what is derived from it, frozen. */
export function sealed(memory: Fencing): Fencing {
  const ours = memory.claims.filter(({ systemId }) => systemId === memory.systemId)
  const highestTimeline = Math.max(0, ...ours.map(({ timeline }) => timeline))
  return Object.freeze({ ...memory, highestTimeline, claims: Object.freeze(memory.claims) })
}
