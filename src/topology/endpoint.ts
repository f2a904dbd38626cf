import type { Milliseconds } from '../time/milliseconds.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering, lastAnswerOf } from './host-description.ts'
import type { HostObservation, RoleAnswer } from './observation.ts'

/** For so long a server that an endpoint led to counts after a probe reached it last. */
export const ENDPOINT_WINDOW_MS = 600_000
/** So many servers of one endpoint are told apart. */
const SERVERS_KEPT = 16

/** A server that probes of one host have reached. */
export interface SeenServer extends Pick<RoleAnswer, 'systemId' | 'incarnation' | 'serverAddress' | 'inRecovery'> {
  readonly seenAtMs: Milliseconds
  /** Another life has begun at its address since: it was restarted, unless this life answers once more. */
  readonly isEnded: boolean
}

/**
 * What stands behind the address of one host. Mostly it is one server for good. It may also be a proxy, a service or a name that
 * is moved from one server to another, or spreads its connections over several.
 */
export interface Endpoint {
  /** The servers that probes reached within the last ten minutes, at most 16; the one reached last comes last. */
  readonly seen: readonly SeenServer[]
  /** When it last led back to a server that has kept its role, from one of another role; undefined: not within ten minutes. */
  readonly mixedAtMs: Milliseconds | undefined
}

/** An endpoint of which nothing was seen yet. */
export const UNSEEN_ENDPOINT: Endpoint = Object.freeze({ seen: Object.freeze([]), mixedAtMs: undefined })

type Answered = Extract<HostObservation, { kind: 'answered' }>

/** What an answer adds to what is known of the host's endpoint. */
export function traceEndpoint(known: HostDescription, { answer, atMs }: Answered): Endpoint {
  const { seen, mixedAtMs } = known.endpoint
  const previous = seen.at(-1)
  const { systemId, incarnation, serverAddress, inRecovery } = answer
  const server = Object.freeze({ systemId, incarnation, serverAddress, inRecovery, seenAtMs: atMs, isEnded: false })
  const isNew = !seen.some((each) => isSameServer(each, answer))
  const others = seen
    .filter((each) => each.seenAtMs > atMs - ENDPOINT_WINDOW_MS && !isSameServer(each, answer))
    .map((each) => (isNew && serverAddress !== undefined && isAtSameAddress(each, answer) ? ended(each) : each))
  const isBack = isLedBack(seen, answer)
  const isGone = previous !== undefined && wasLost(known)
  const kept = isGone ? others.filter((each) => each.seenAtMs !== previous.seenAtMs) : others
  const isMixed = isBack && previous !== undefined && previous.inRecovery !== inRecovery
  const mixedStill = mixedAtMs !== undefined && mixedAtMs > atMs - ENDPOINT_WINDOW_MS ? mixedAtMs : undefined
  return Object.freeze({
    seen: Object.freeze([...kept, server].slice(-SERVERS_KEPT)),
    mixedAtMs: isMixed ? atMs : mixedStill,
  })
}

function ended(server: SeenServer): SeenServer {
  return server.isEnded ? server : Object.freeze({ ...server, isEnded: true })
}

/** How many servers the endpoint leads to, as far as is known. */
export function countServers({ seen }: Endpoint): number {
  return seen.filter(({ isEnded }) => !isEnded).length
}

/** Whether the answer is of a server that was reached before the last one, and that has kept its role. */
function isLedBack(seen: readonly SeenServer[], answer: RoleAnswer): boolean {
  const before = seen.find((each) => isSameServer(each, answer))
  return before !== undefined && before !== seen.at(-1) && before.inRecovery === answer.inRecovery
}

/**
 * Whether connections made before an answer are of no use after it: the server they may lead to is gone or began another life, or
 * the endpoint leads to one of another role or cluster. Of two servers that take writes one is stale, unless there may be several
 * masters. Replicas that take turns are a balanced endpoint, which voids nothing.
 */
export function voidsOlder(
  before: HostDescription,
  { answer, endpoint }: AnsweringHost,
  isFirst: boolean,
  multiMaster: boolean,
): boolean {
  const said = lastAnswerOf(before)
  if (said === undefined) return false
  const hasOtherRole = said.inRecovery !== answer.inRecovery
  if (hasOtherRole && answer.inRecovery) return true
  // Connections survive a promotion; but where others took turns with the promoted one, or may have, theirs lead elsewhere.
  if (isSameServer(said, answer)) return hasOtherRole && (endpoint.seen.length > 1 || (isFirst && !isTold(answer)))
  const isRestart = isAtSameAddress(said, answer) && !before.endpoint.seen.some((each) => isSameServer(each, answer))
  const isRival = !answer.inRecovery && !multiMaster
  return hasOtherRole || isRival || isRestart || wasLost(before) || said.systemId !== answer.systemId
}

type Identity = Pick<RoleAnswer, 'systemId' | 'incarnation'>

/** One that does not say which life it is in cannot be told from another. */
function isSameServer(one: Identity, other: Identity): boolean {
  if (one.systemId !== undefined && other.systemId !== undefined && one.systemId !== other.systemId) return false
  return !isTold(one) || !isTold(other) || one.incarnation === other.incarnation
}

function isTold({ incarnation }: Identity): boolean {
  return incarnation !== undefined
}

function isAtSameAddress(one: Pick<RoleAnswer, 'serverAddress'>, other: Pick<RoleAnswer, 'serverAddress'>): boolean {
  return one.serverAddress === other.serverAddress
}

/** Whether the probe connection to the server reached last was lost or missed its deadline: it was not left while it still worked. */
function wasLost(host: HostDescription): boolean {
  if (!isAnswering(host)) return true
  const fault = host.suspicion?.fault
  return fault === 'lost' || fault === 'silent' || fault === 'down' || fault === 'not-ready'
}
