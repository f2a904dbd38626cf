import type { HostId } from '../dsn/host-spec.ts'
import type { HostDescription } from './host-description.ts'
import { lastAnswerOf } from './host-description.ts'
import type { RoleAnswer } from './observation.ts'

/** Why what a writable host says of itself is not believed: it fences nobody, and takes the role of master from nobody. */
export type Implausibility =
  /** Its timeline is no integer in 1…2147483647, which PostgreSQL's are. */
  | 'no-timeline'
  /** Its timeline is more than 1,000 above every other one seen on the cluster. */
  | 'far-timeline'
  /** It shows no system identifier while another host does. */
  | 'no-system-identifier'

/** The highest believable timeline that each host has shown, and of which cluster. */
export type ShownTimelines = ReadonlyMap<HostId, { readonly systemId: string | undefined; readonly timeline: number }>

/** PostgreSQL's timelines are unsigned, and the role query reads them as `int`. */
const MOST_TIMELINE = 2_147_483_647

/** No cluster fails over this often between two sights of it. */
const MOST_JUMP = 1_000

export function isTimeline(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= MOST_TIMELINE
}

/** Whether a timeline is too far above every one that was seen on the cluster, by `shown`; false when none was. */
export function isFarAbove(timeline: number, systemId: string | undefined, shown: ShownTimelines): boolean {
  const seen = [...shown.values()].filter((each) => each.systemId === systemId)
  return seen.length > 0 && seen.every((each) => timeline > each.timeline + MOST_JUMP)
}

/** The same without what the host itself has shown. */
export function withoutOwn(shown: ShownTimelines, hostId: HostId): ShownTimelines {
  const others = new Map(shown)
  others.delete(hostId)
  return others
}

/**
 * What an answer adds to the timelines seen: those that are believable beside what was seen before. The first one of a cluster is
 * believed until others turn out to be far below it.
 */
export function withShown(
  shown: ShownTimelines,
  hostId: HostId,
  systemId: string | undefined,
  answer: RoleAnswer,
): ShownTimelines {
  const known = shown.get(hostId)
  const own = known?.systemId === systemId ? known : undefined
  const said = [answer.timeline, answer.reachedTimeline, answer.receivedTimeline].filter(isTimeline)
  const believable = said.filter((timeline) => !isFarAbove(timeline, systemId, shown))
  const timeline = Math.max(own?.timeline ?? 0, ...believable)
  if (timeline === 0 || (own !== undefined && own.timeline === timeline)) return shown
  return new Map(shown).set(hostId, Object.freeze({ systemId, timeline }))
}

/** The timelines shown without those that turned out to be far above what others show. */
export function withoutFar(shown: ShownTimelines): ShownTimelines {
  const far = [...shown].filter(([hostId, { systemId, timeline }]) =>
    isFarAbove(timeline, systemId, withoutOwn(shown, hostId)),
  )
  // Of two that contradict each other the lower one stays.
  const highest = far.sort(([, one], [, other]) => other.timeline - one.timeline)[0]
  return highest === undefined ? shown : withoutFar(withoutOwn(shown, highest[0]))
}

/** Why a writable host is not believed; undefined when it is. Of a replica nothing is believed that could fence. */
export function implausibilityOf(
  hostId: HostId,
  answer: RoleAnswer,
  systemId: string | undefined,
  hosts: ReadonlyMap<HostId, HostDescription>,
  shown: ShownTimelines,
): Implausibility | undefined {
  if (answer.inRecovery) return undefined
  if (answer.systemId === undefined && isNamedBesides(hostId, hosts)) return 'no-system-identifier'
  if (answer.timeline === undefined) return undefined
  if (!isTimeline(answer.timeline)) return 'no-timeline'
  return isFarAbove(answer.timeline, systemId, shown) ? 'far-timeline' : undefined
}

/**
 * The cluster that an answer is held to be of: the one that it names. One that names none, as on managed clouds, is of the cluster
 * that was known before, unless another host names one now.
 */
export function clusterOf(
  hostId: HostId,
  { systemId }: RoleAnswer,
  hosts: ReadonlyMap<HostId, HostDescription>,
  known: string | undefined,
): string | undefined {
  return systemId ?? (isNamedBesides(hostId, hosts) ? undefined : known)
}

function isNamedBesides(hostId: HostId, hosts: ReadonlyMap<HostId, HostDescription>): boolean {
  return [...hosts.values()].some((host) => host.hostId !== hostId && lastAnswerOf(host)?.systemId !== undefined)
}
