import { countServers, traceEndpoint } from './endpoint.ts'
import type { AnsweringHost, HostDescription, SilentHost, Suspicion } from './host-description.ts'
import { isAnswering, isTrusted, lacksOf, lastAnswerOf } from './host-description.ts'
import type { HostObservation } from './observation.ts'

type Answered = Extract<HostObservation, { kind: 'answered' }>
type Failed = Extract<HostObservation, { kind: 'failed' }>

/** For how long a host whose pool could not connect, while its checks are answered elsewhere, is the last choice. */
const PATH_DOUBT_MS = 5_000

/** How many round trips the response time is the median of. */
const ROUND_TRIPS_KEPT = 8

/**
 * Whether the observation is of older evidence than what is known, and so must change nothing (law 3).
 * A probe counts by its number; news from a pooled connection also by the connection's generation.
 */
export function isOlderEvidence(known: HostDescription, seen: HostObservation): boolean {
  const { probe, generation } = seen.evidence
  return probe < known.probe || (generation !== undefined && generation < known.generation)
}

/**
 * What one host is after an observation, before the hosts are ranked against each other. Returns `known` itself when
 * the observation says nothing new. `sinceMs` and `generation` are settled by the reducer, which sees the ranks too.
 */
export function describeHost(known: HostDescription, seen: HostObservation): HostDescription {
  return seen.kind === 'answered' ? describeAnswer(known, seen) : describeFailure(known, seen)
}

function describeAnswer(known: HostDescription, seen: Answered): AnsweringHost {
  const before = isAnswering(known) ? known : undefined
  const roundTripsMs = Object.freeze([...(before?.roundTripsMs ?? []), seen.roundTripMs].slice(-ROUND_TRIPS_KEPT))
  const endpoint = traceEndpoint(known, seen)
  const stillDoubted =
    before?.suspicion !== undefined &&
    (seen.evidence.probe <= before.suspicion.probe || hidesPath(before.suspicion, seen))
  return {
    kind: seen.answer.inRecovery ? 'replica' : 'master',
    hostId: known.hostId,
    sinceMs: known.sinceMs,
    probe: seen.evidence.probe,
    generation: known.generation,
    servers: countServers(endpoint),
    endpoint,
    answer: seen.answer,
    lacks: lacksOf(seen.answer),
    seenAtMs: seen.atMs,
    roundTripMs: seen.roundTripMs,
    roundTripsMs,
    responseTimeMs: lowerMedian(roundTripsMs),
    lag: before?.lag,
    following: known.kind === 'unknown' ? undefined : known.following,
    suspicion: stillDoubted ? before.suspicion : undefined,
    implausible: before?.implausible,
    returnedAtMs: before === undefined && known.kind !== 'unknown' ? seen.atMs : before?.returnedAtMs,
  }
}

/** Of two the smaller one: the first answer of a connection pays for caches that are cold on either side. */
function lowerMedian(valuesMs: readonly number[]): number {
  const sorted = [...valuesMs].sort((one, other) => one - other)
  return sorted[(sorted.length - 1) >> 1] ?? 0
}

function describeFailure(known: HostDescription, seen: Failed): HostDescription {
  const fromProbe = seen.evidence.generation === undefined
  if (seen.isOnDetour === true) return blockedPath(known, seen)
  switch (seen.fault) {
    case 'role-doubted':
      return known.kind === 'master' ? suspect(known, seen, seen.fault) : known
    case 'lost':
      // One backend may be told to go while its server is well: the probe connection is the judge of that.
      if (!fromProbe || !isAnswering(known)) return stillSilent(known, seen)
      if (seen.isAlive === true) return suspect(known, seen, known.suspicion?.fault === 'busy' ? 'busy' : 'lost')
      return isLostAgain(known, seen) ? silent(known, seen, 'unreachable') : suspect(known, seen, 'lost')
    case 'capacity':
      return isAnswering(known) ? known : stillSilent(known, seen)
    case 'silent':
      if (!fromProbe) return isBusy(known) ? known : doubt(known, seen, 'silent')
      if (seen.isAlive === true && isAnswering(known)) return suspect(known, seen, silenceOfTheLiving(known))
      return isSecondSign(known) ? silent(known, seen, 'unreachable') : doubt(known, seen, 'silent')
    // Of an answering host these say nothing, but a probe that met them has no answer either.
    case 'unresolved':
    case 'server-error':
    case 'role-hint':
      return fromProbe ? describeFailure(known, { ...seen, fault: 'silent' }) : known
    case 'down':
      return fromProbe ? silent(known, seen, 'unreachable') : doubt(known, seen, 'down')
    case 'not-ready':
      return fromProbe ? silent(known, seen, 'not-ready') : doubt(known, seen, 'not-ready')
    case 'access':
      return fromProbe ? silent(known, seen, 'rejected') : known
  }
}

/** A missed deadline is confirmed by a second one on a fresh connection, or by a connection lost before (law 12). */
function isSecondSign(known: HostDescription): boolean {
  if (!isAnswering(known)) return true
  const fault = known.suspicion?.fault
  return fault === 'silent' || fault === 'lost' || fault === 'down'
}

/**
 * What the silence of a host that lives makes of it: busy, as far as only its silence was in doubt. That its connection ended, or
 * that it refused to do what its role says, takes an answer to put right: it may not be what it was.
 */
function silenceOfTheLiving({ suspicion }: AnsweringHost): Suspicion['fault'] {
  const isOfSilence = suspicion === undefined || suspicion.fault === 'silent' || suspicion.fault === 'path'
  return isOfSilence ? 'busy' : suspicion.fault
}

/** The pool cannot get there, and no answer of a check says that it can again: it is tried anew after a while. */
function blockedPath(known: HostDescription, seen: Failed): HostDescription {
  if (!isAnswering(known) || !isTrusted(known)) return known
  const { probe } = seen.evidence
  return { ...known, probe, suspicion: Object.freeze({ sinceMs: seen.atMs, fault: 'path', probe, cause: seen.cause }) }
}

function hidesPath({ fault, sinceMs }: Suspicion, { atMs }: Answered): boolean {
  return fault === 'path' && atMs < sinceMs + PATH_DOUBT_MS
}

function isBusy(known: HostDescription): boolean {
  return isAnswering(known) && known.suspicion?.fault === 'busy'
}

/** A fresh connection that ends as the one before did, without an answer in between. */
function isLostAgain({ suspicion }: AnsweringHost, seen: Failed): boolean {
  return suspicion?.fault === 'lost' && suspicion.probe < seen.evidence.probe
}

/** What a single sign makes of a host: an answering one is doubted, of any other a pooled connection says nothing new. */
function doubt(known: HostDescription, seen: Failed, fault: Suspicion['fault']): HostDescription {
  return isAnswering(known) ? suspect(known, seen, fault) : known
}

function suspect(known: AnsweringHost, seen: Failed, fault: Suspicion['fault']): AnsweringHost {
  const { probe } = seen.evidence
  const isWorse = isTrusted(known) && fault !== 'busy'
  if (known.suspicion !== undefined && known.suspicion.probe >= probe && !isWorse) return known
  const sinceMs = known.suspicion?.sinceMs ?? seen.atMs
  return { ...known, probe, suspicion: Object.freeze({ sinceMs, fault, probe, cause: seen.cause }) }
}

/** A host that did not answer before: only a probe's failure is news. */
function stillSilent(known: HostDescription, seen: Failed): HostDescription {
  return seen.evidence.generation === undefined ? silent(known, seen, 'unreachable') : known
}

function silent(known: HostDescription, seen: Failed, kind: SilentHost['kind']): SilentHost {
  return {
    kind,
    hostId: known.hostId,
    sinceMs: known.sinceMs,
    probe: seen.evidence.probe,
    generation: known.generation,
    servers: known.servers,
    endpoint: known.endpoint,
    cause: seen.cause,
    lastAnswer: lastAnswerOf(known),
    following: known.kind === 'unknown' ? undefined : known.following,
  }
}
