import type { HostId } from '../dsn/host-spec.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { hasDiverged, isAnswering, lastAnswerOf } from './host-description.ts'
import type { RoleAnswer } from './observation.ts'
import type { WalSample } from './wal.ts'
import type { WriteToken } from './write-token.ts'

/** A host has everything of a timeline up to a position, for certain, as long as its server lives this life. */
export interface Proof {
  readonly timeline: number
  readonly lsn: bigint
  readonly incarnation: string | undefined
}

/** Where a timeline began: it has everything of `parent` up to `lsn`, and maybe more. */
export interface Fork {
  readonly parent: number
  readonly lsn: bigint
  /** Who was promoted, and in which life: another one on the same timeline is a twin. */
  readonly hostId: HostId
  readonly incarnation: string | undefined
}

/** Who has how much of which timeline, and what is known of how the timelines hang together. */
export interface Lineage {
  readonly proofs: ReadonlyMap<HostId, Proof>
  readonly forks: ReadonlyMap<number, Fork>
  /**
   * Timelines that a master was seen on and that were given up for an older one, with the position up to which somebody had
   * them. The next promotion begins another timeline of that number.
   */
  readonly abandoned: ReadonlyMap<number, bigint>
}

export const NO_LINEAGE: Lineage = Object.freeze({ proofs: new Map(), forks: new Map(), abandoned: new Map() })

const NOTHING: Point = { parent: 0, lsn: 0n }

/** So many timelines back a token can be followed, and so many that were given up are known. */
const FORKS_KEPT = 16

/**
 * What an answer of a host adds. A replica's position proves something only together with its timeline. Where the replica
 * may read which timeline it receives, that is the one. Else it only tells, late, a timeline that it has reached; it may
 * have gone on to a newer one, whose positions mean something else. It has not if the master of that timeline was master
 * still when it was asked afterwards, and it is seen to be given the log: one that was promoted by mistake and became a
 * replica again, on a timeline that its control file does not show yet, is not.
 */
export function traceLineage(
  before: Lineage,
  host: AnsweringHost,
  previous: HostDescription | undefined,
  hosts: ReadonlyMap<HostId, HostDescription>,
): Lineage {
  if (host.kind === 'replica') return withEnd(withProofs(before, proofsBy(before, host, [host], isExact)), host)
  const { timeline } = host.answer
  if (timeline === undefined) return before
  const asOfMs = host.seenAtMs - host.roundTripMs
  const isOfBefore = (replica: AnsweringHost): boolean =>
    replica.seenAtMs <= asOfMs && replica.answer.reachedTimeline === timeline && isFed(replica)
  const said = previous === undefined ? undefined : lastAnswerOf(previous)
  // Who has diverged takes along what nobody knows.
  const known = previous !== undefined && hasDiverged(previous) ? withoutProof(before, host.hostId) : before
  const forked = withFork(known, host, timeline, known === before ? said : undefined)
  const replicas = [...hosts.values()].filter(isAnswering).filter(({ kind }) => kind === 'replica')
  return withProofs(forked, proofsBy(forked, host, replicas, isOfBefore))
}

/** Whether the history that ends in `timeline` has the token's position in it, for certain. */
export function descendsFrom(lineage: Lineage, timeline: number, token: WriteToken): boolean {
  const { forks } = lineage
  let at = timeline
  while (at > token.timeline) {
    const fork = forks.get(at)
    if (fork === undefined || fork.lsn < token.lsn) return false
    at = fork.parent
  }
  return at === token.timeline && !isAbandoned(lineage, token)
}

/** Whether the token may be of a timeline that was given up: then its write may be in no history any more. */
export function isAbandoned({ abandoned, forks }: Lineage, { timeline, lsn }: WriteToken): boolean {
  const end = abandoned.get(timeline)
  // What comes before the next timeline of that number began is not of that one either.
  return end !== undefined && lsn <= higher(end, forks.get(timeline)?.lsn)
}

/** The lineage when a master is seen on an older timeline than before: the newer ones were given up, with all that is on them. */
export function withAbandoned(lineage: Lineage, now: RoleAnswer, samples: readonly WalSample[]): Lineage {
  const { timeline: current = Infinity } = now
  const given = samples.filter(({ timeline }) => timeline > current)
  if (given.length === 0) return lineage
  const abandoned = new Map(lineage.abandoned)
  for (const { timeline, lsn } of given) abandoned.set(timeline, higher(lsn, abandoned.get(timeline)))
  const forks = new Map([...lineage.forks].filter(([timeline]) => timeline <= current))
  return { ...lineage, forks, abandoned: new Map([...abandoned].slice(-FORKS_KEPT)) }
}

/** A replica that is left on a timeline that was given up shows how far that went. */
function withEnd(lineage: Lineage, host: AnsweringHost): Lineage {
  const { lsn, reachedTimeline = -1 } = host.answer
  const end = lineage.abandoned.get(reachedTimeline)
  if (end === undefined || lsn === undefined || lsn <= end || !hasDiverged(host)) return lineage
  return { ...lineage, abandoned: new Map(lineage.abandoned).set(reachedTimeline, lsn) }
}

/** Whether a replica has the token's position, for certain. */
export function hasReplayed(lineage: Lineage, { hostId, answer }: AnsweringHost, token: WriteToken): boolean {
  const proof = lineage.proofs.get(hostId)
  if (proof === undefined || proof.incarnation !== answer.incarnation || proof.lsn < token.lsn) return false
  return descendsFrom(lineage, proof.timeline, token)
}

const isFed = ({ following }: AnsweringHost): boolean => following === undefined || following.isFed

const higher = (one: bigint, other: bigint | undefined): bigint => (other === undefined || one > other ? one : other)

const isExact = ({ answer }: AnsweringHost): boolean =>
  answer.receivedTimeline !== undefined && answer.receivedTimeline === answer.reachedTimeline

function* proofsBy(
  { proofs }: Lineage,
  { answer: { systemId } }: AnsweringHost,
  replicas: readonly AnsweringHost[],
  isProven: (replica: AnsweringHost) => boolean,
): Generator<readonly [HostId, Proof]> {
  for (const replica of replicas) {
    const { lsn, reachedTimeline: timeline, incarnation } = replica.answer
    if (timeline === undefined || lsn === undefined || replica.answer.systemId !== systemId) continue
    const known = proofs.get(replica.hostId)
    const isKnown = known?.timeline === timeline && known.lsn === lsn && known.incarnation === incarnation
    if (!isKnown && isProven(replica)) yield [replica.hostId, Object.freeze({ timeline, lsn, incarnation })]
  }
}

function withoutProof(lineage: Lineage, hostId: HostId): Lineage {
  return { ...lineage, proofs: new Map([...lineage.proofs].filter(([each]) => each !== hostId)) }
}

function withProofs(lineage: Lineage, found: Iterable<readonly [HostId, Proof]>): Lineage {
  const news = [...found]
  return news.length === 0 ? lineage : { ...lineage, proofs: new Map([...lineage.proofs, ...news]) }
}

/**
 * A replica that was promoted took along what it had. If the new timeline is the next one after the one it had reached, then
 * that is where it was until then: from a newer one it would have gone on to one that is newer still.
 */
function withFork(
  lineage: Lineage,
  { hostId, answer: { incarnation } }: AnsweringHost,
  timeline: number,
  said: RoleAnswer | undefined,
): Lineage {
  const { proofs, forks } = lineage
  const known = forks.get(timeline)
  if (known !== undefined && (known.hostId === hostId || known.incarnation === incarnation)) return lineage
  const proof = proofs.get(hostId)
  const isProven = proof !== undefined && proof.timeline < timeline && proof.incarnation === incarnation
  const proven = isProven ? { parent: proof.timeline, lsn: proof.lsn } : undefined
  const found = lastReplayed(said, timeline, incarnation) ?? proven
  if (found === undefined && known === undefined) return lineage
  const { parent, lsn } = leastOf(found, known)
  const fork = Object.freeze({ parent, lsn, hostId, incarnation })
  return { ...lineage, forks: new Map([...forks, [timeline, fork] as const].slice(-FORKS_KEPT)) }
}

type Point = Pick<Fork, 'parent' | 'lsn'>

/** Two were promoted to one timeline: it has for certain only what both are known to have taken along. */
function leastOf(found: Point | undefined, known: Point | undefined): Point {
  if (known === undefined) return found ?? NOTHING
  if (found?.parent !== known.parent) return { ...known, lsn: 0n }
  return found.lsn < known.lsn ? found : known
}

function lastReplayed(
  said: RoleAnswer | undefined,
  timeline: number,
  incarnation: string | undefined,
): Point | undefined {
  const { inRecovery = false, reachedTimeline: parent, lsn } = said ?? {}
  if (!inRecovery || parent === undefined || lsn === undefined) return undefined
  return said?.incarnation === incarnation && parent + 1 === timeline ? { parent, lsn } : undefined
}
