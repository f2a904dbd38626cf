import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { Endpoint } from './endpoint.ts'
import type { RoleAnswer } from './observation.ts'
import type { Implausibility } from './plausible.ts'

/**
 * Why a host that answered last time is held for doubtful until its next answer. `busy`: it did not answer its check in time,
 * but data arrived from it since, or it let a fresh connection in. `path`: its checks are answered, but they go another way (`probe`),
 * and its pool could not connect a moment ago.
 */
export interface Suspicion {
  readonly sinceMs: Milliseconds
  readonly fault: 'lost' | 'silent' | 'busy' | 'path' | 'down' | 'not-ready' | 'capacity' | 'role-doubted'
  /** Only an answer to a later probe than this one ends the suspicion. */
  readonly probe: number
  readonly cause: Error
}

interface Known {
  readonly hostId: HostId
  /** When the host became what it is, on the manager's monotonic clock. */
  readonly sinceMs: Milliseconds
  /** The newest probe whose outcome was applied. */
  readonly probe: number
  /** Pooled connections of an older generation are void. */
  readonly generation: number
  /**
   * How many servers its address led to within the last ten minutes, as far as probes reached them; at most 16, and 0 before the
   * first answer. More than one behind a service or a name for many replicas, and for a while after an endpoint has moved.
   */
  readonly servers: number
  /** What is known of the servers behind its address. */
  readonly endpoint: Endpoint
}

/** Never answered and never failed: nothing is known. */
export interface UnknownHost extends Known {
  readonly kind: 'unknown'
}

/** The roles an answering host can have; `rank` decides between those of the writable ones. */
export type Role =
  /** Takes writes. */
  | 'master'
  /** Follows a master, takes reads. */
  | 'replica'
  /** A master whose `default_transaction_read_only` is on: takes reads. */
  | 'read-only-master'
  /** Writable, but on a timeline that another host has left behind: fenced. */
  | 'stale-master'
  /** Writable on the same timeline as another: split brain, and not the one that was master before. */
  | 'rival-master'
  /** The same server as another host of the DSN under a second name. */
  | 'duplicate-master'
  /** Belongs to another cluster (another system identifier). */
  | 'foreign-cluster'

/** How far a host is behind the master. */
export interface Lag {
  /** Bytes of write-ahead log; undefined while it is not known to be on the master's timeline. */
  readonly bytes: number | undefined
  /** In milliseconds, by the manager's clock alone. */
  readonly ms: number
}

/**
 * What a host does not show: its place may not have it (Amazon Aurora), or the role may not see it.
 *
 * - `position`: how far it has written or replayed, so there is no lag of it, and there are no write tokens.
 * - `timeline`: which timeline it is on, so in addition it cannot be fenced by it.
 * - `systemId`: which cluster it is of, so one of another cluster cannot be told from it, and there are no write tokens.
 */
export type Lack = 'position' | 'timeline' | 'systemId'

/** What is missing in an answer; of a host that shows everything nothing. */
export function lacksOf({ inRecovery, lsn, timeline, reachedTimeline, systemId }: RoleAnswer): readonly Lack[] {
  const lacks: Lack[] = []
  if (lsn === undefined) lacks.push('position')
  if ((inRecovery ? reachedTimeline : timeline) === undefined) lacks.push('timeline')
  if (systemId === undefined) lacks.push('systemId')
  return Object.freeze(lacks)
}

/** Why it cannot be shown that a replica follows the master: its position says nothing of its data then (law 18). */
export interface Detachment {
  /**
   * - `timeline`: it has diverged. It is on a timeline above the one that the master was on when it was asked afterwards.
   * - `position`: it has diverged. It has more of the log than the master had when that was asked afterwards.
   * - `no-receiver`: no WAL receiver runs there, and replay made no progress for 10 s, or it is on a timeline above the master's.
   */
  readonly reason: 'timeline' | 'position' | 'no-receiver'
  /** When this was found, on the manager's monotonic clock. */
  readonly sinceMs: Milliseconds
  /** The newest timeline that the replica is known to have reached, and the master's. */
  readonly timeline: number | undefined
  readonly masterTimeline: number
}

/** What the answers of a replica, in this life of its server, show of its following the master. */
export interface Following {
  /** The newest timeline that it is known to have reached; its answers may tell of it now and not again. */
  readonly reachedTimeline: number | undefined
  /** Since when each answer showed the same WAL receiver; undefined while none runs. */
  readonly receiverSinceMs: Milliseconds | undefined
  /** Since when no answer showed a WAL receiver that stays; undefined while one does, or where it is not shown. */
  readonly aloneSinceMs: Milliseconds | undefined
  /** Since when no answer showed anything else that it follows either: progress of replay, or the master's own position. */
  readonly idleSinceMs: Milliseconds | undefined
  /** Of a replica that goes on without a receiver, from an archive: its longest pause in milliseconds. */
  readonly restorePauseMs: number | undefined
  /** Whether the last answer shows that it is given the master's log. */
  readonly isFed: boolean
  /** Why it is not known to follow; undefined while nothing speaks against it. */
  readonly detached: Detachment | undefined
}

/** A host that answered its last probe, or whose silence is not confirmed yet. */
export interface AnsweringHost extends Known {
  readonly kind: Role
  readonly answer: RoleAnswer
  /** What it does not show, and what is lost with it; empty on a server that shows everything to this role. */
  readonly lacks: readonly Lack[]
  readonly seenAtMs: Milliseconds
  readonly roundTripMs: Milliseconds
  /** The newest round trips since it answers, at most eight; oldest first. */
  readonly roundTripsMs: readonly Milliseconds[]
  /** The median of them: one slow answer, and the first one of a connection, say little about a host. */
  readonly responseTimeMs: number
  /** How far it was behind the master at its last answer; none on a master; undefined: not known. See docs/freshness.md. */
  readonly lag: Lag | undefined
  /** Whether a replica follows the master, as far as can be seen; undefined on a host in another role. See docs/freshness.md. */
  readonly following: Following | undefined
  readonly suspicion: Suspicion | undefined
  /** Why what it says as a writable host is not believed; undefined when it is. */
  readonly implausible: Implausibility | undefined
  /** When it came back after it had been away; undefined when it never was. New traffic is given to it by degrees. */
  readonly returnedAtMs: Milliseconds | undefined
}

/** A host that cannot be used, and why. */
export interface SilentHost extends Known {
  readonly kind: 'unreachable' | 'not-ready' | 'rejected'
  readonly cause: Error
  /** What it said when it last answered. */
  readonly lastAnswer: RoleAnswer | undefined
  /** What was known of its following the master then. */
  readonly following: Following | undefined
}

/** All that is known of one host at one moment. */
export type HostDescription = UnknownHost | AnsweringHost | SilentHost

/** Whether the host answered (or is merely suspected of having stopped to). */
export function isAnswering(host: HostDescription): host is AnsweringHost {
  return host.kind !== 'unknown' && 'answer' in host
}

/** Whether a host may be given new work in its role; where that is in doubt no longer. Others are taken first in either case. */
export function isTrusted({ suspicion }: AnsweringHost): boolean {
  return suspicion === undefined || suspicion.fault === 'busy' || suspicion.fault === 'path'
}

/** What the host said when it last answered, whatever it is now. */
export function lastAnswerOf(host: HostDescription): RoleAnswer | undefined {
  if (host.kind === 'unknown') return undefined
  return 'answer' in host ? host.answer : host.lastAnswer
}

/** Why a replica is not known to follow the master, whether it answers now or not; undefined while nothing speaks against it. */
export function detachmentOf(host: HostDescription): Detachment | undefined {
  return host.kind === 'unknown' ? undefined : host.following?.detached
}

/** Whether the replica has something that is not in the master's history: it needs pg_rewind or a fresh copy. */
export function hasDiverged(host: HostDescription): boolean {
  const reason = detachmentOf(host)?.reason
  return reason === 'timeline' || reason === 'position'
}
