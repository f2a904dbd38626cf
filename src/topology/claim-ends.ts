import type { HostId } from '../dsn/host-spec.ts'
import type { Claim } from './claims.ts'
import { isAnotherServer, trustedHosts } from './claims.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import type { RoleAnswer } from './observation.ts'
import { isTimeline } from './plausible.ts'

type Hosts = ReadonlyMap<HostId, HostDescription>

/** Twice the same thing counts when this much time lies between. */
const APART_MS = 1_000

/** A witness that was writable for longer than this was a master, whatever became of it: its claim does not end by time. */
const BRIEF_MS = 30_000

/**
 * The claims that hold on after what was seen (law 10). From the lowest timeline up, since a claim ends only for the sake of the next
 * one below it. Whatever asks for time is measured between answers, so that a claim ends with an answer, and never by a timer.
 */
export function endClaims(claims: readonly Claim[], hosts: Hosts): readonly Claim[] {
  let held = claims
  for (const claim of [...claims].sort((one, other) => one.timeline - other.timeline)) {
    if (answersBelow(claim, hosts) || wasBrieflyPromoted(claim, held, hosts) || isLeftByThird(claim, held, hosts)) {
      held = held.filter((each) => each !== claim)
    }
  }
  return held
}

/**
 * Law 10, first way: the witness answers on a timeline below its claim, with the cluster's system identifier. It was rewound, or
 * restored in place, and has nothing of the higher timeline any more.
 *
 * Of a writable witness the timeline is exact. Of one in recovery the control file and the timeline that its receiver receives must
 * both be below. Where the receiver's timeline is hidden from our role (no `pg_read_all_stats`), the control file must be below while
 * one and the same receiver runs, in two answers at least 1 s apart: a promoted server writes its new timeline into the control file
 * before it takes the first write. Without a receiver nothing ends: an orphan waits on the timeline that it had made.
 */
export function answersBelow(claim: Claim, hosts: Hosts): boolean {
  const { systemId, timeline, recovery } = claim
  const witness = witnessOf(claim, hosts)
  if (witness === undefined || witness.answer.systemId !== systemId) return false
  const { answer } = witness
  if (!answer.inRecovery) return isTimeline(answer.timeline) && answer.timeline < timeline
  if (recovery?.below === undefined) return false
  if (answer.receivedTimeline !== undefined)
    return isTimeline(answer.receivedTimeline) && answer.receivedTimeline < timeline
  return recovery.lastMs - recovery.below.sinceMs >= APART_MS
}

/** The witness under the name that answered last, if that is one under which it is still to be found. */
function witnessOf(claim: Claim, hosts: Hosts): AnsweringHost | undefined {
  const found = trustedHosts(hosts).filter(
    ({ hostId, answer }) => claim.names.has(hostId) && !isAnotherServer(claim, answer),
  )
  return found.sort((one, other) => other.seenAtMs - one.seenAtMs)[0]
}

/** A witness that receives the timeline of its claim, or a higher one, follows somebody there: the cluster has gone that way. */
function followsClaim(claim: Claim, hosts: Hosts): boolean {
  const { inRecovery = false, receivedTimeline } = witnessOf(claim, hosts)?.answer ?? {}
  return inRecovery && isTimeline(receivedTimeline) && receivedTimeline >= claim.timeline
}

/**
 * Law 10, second way: a short mistaken promotion beside a leader that never stopped. The witness has answered as in recovery, without a
 * gap and in one life, for as long as it was writable before, and for at least 1 s; and a host below has answered every check as
 * writable, without a gap and in one life, since before the witness was promoted.
 *
 * How long it was writable is known to within a check: from the first answer that said so until nobody listened any more.
 *
 * Closed when the witness may have been writable for more than 30 s: then it was a leader, and the one below an old master whose
 * cluster manager is frozen. Closed, too, when nobody saw the witness in recovery before: then nobody knows for how long it was.
 */
export function wasBrieflyPromoted(claim: Claim, claims: readonly Claim[], hosts: Hosts): boolean {
  const { recovery, recoveryUntilMs, writableFromMs, endedMs, unbroken } = claim
  if (recovery?.steadyMs === undefined || recoveryUntilMs === undefined || writableFromMs === undefined) return false
  if (recovery.firstMs - recoveryUntilMs > BRIEF_MS) return false
  const neededMs = Math.max(APART_MS, (endedMs ?? recovery.firstMs) - writableFromMs)
  if (recovery.lastMs - recovery.steadyMs < neededMs || followsClaim(claim, hosts)) return false
  return nextBelow(claim, claims, hosts).some(({ hostId }) => unbroken.has(hostId))
}

/**
 * Law 10, third way: the cluster goes on without the witness. The witness has answered as in recovery twice, at least 1 s apart and in
 * one life, and a third host receives WAL on the timeline of the host below, by a receiver that started after the claim had appeared.
 *
 * A receiver is new when its process id is another one than when the claim appeared, or when none ran at some time since. That it
 * receives from the host below, and not the start of the higher timeline from the witness, is shown by its position: it has reached
 * one that the host below gave after the claim had appeared, which lies behind the fork. The timeline must be shown by the receiver;
 * the control file of a third host is late.
 */
export function isLeftByThird(claim: Claim, claims: readonly Claim[], hosts: Hosts): boolean {
  const { recovery, systemId } = claim
  if (recovery === undefined || recovery.lastMs - recovery.lifeMs < APART_MS || followsClaim(claim, hosts)) return false
  const below = nextBelow(claim, claims, hosts)
  return trustedHosts(hosts).some((third) => {
    if (claim.names.has(third.hostId) || third.answer.systemId !== systemId || isWitness(claim, third.answer))
      return false
    return below.some((host) => receivesFrom(host, third, claim))
  })
}

/** The same server as the witness under a second name. */
function isWitness({ recovery }: Claim, { incarnation, inRecovery }: RoleAnswer): boolean {
  return inRecovery && incarnation !== undefined && incarnation === recovery?.incarnation
}

function receivesFrom(
  below: AnsweringHost,
  { hostId, answer }: AnsweringHost,
  { receivers, positions }: Claim,
): boolean {
  const [old, position] = [receivers.get(hostId), positions.get(below.hostId)]
  const isNew = typeof answer.receiver === 'number' && old !== undefined && old !== answer.receiver
  const isBehindFork = position !== undefined && answer.lsn !== undefined && answer.lsn >= position
  return isNew && isBehindFork && answer.inRecovery && answer.receivedTimeline === below.answer.timeline
}

/** The writable hosts on the highest timeline below the claim; none while another claim lies between. */
function nextBelow({ timeline, systemId }: Claim, claims: readonly Claim[], hosts: Hosts): AnsweringHost[] {
  const below = trustedHosts(hosts).filter(({ answer }) => {
    const isWritable = !answer.inRecovery && isTimeline(answer.timeline) && answer.timeline < timeline
    return isWritable && (answer.systemId ?? systemId) === systemId
  })
  const isBetween = (each: Claim, from: number): boolean =>
    each.systemId === systemId && each.timeline > from && each.timeline < timeline
  return below.filter(({ answer }) => !claims.some((each) => isBetween(each, answer.timeline ?? 0)))
}
