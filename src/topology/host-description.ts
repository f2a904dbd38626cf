import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { Endpoint } from './endpoint.ts'
import type { RoleAnswer } from './observation.ts'

/** Why a host that answered last time is held for doubtful until its next answer. */
export interface Suspicion {
  readonly sinceMs: Milliseconds
  readonly fault: 'lost' | 'silent' | 'down' | 'not-ready' | 'capacity' | 'role-doubted'
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

/** A host that answered its last probe, or whose silence is not confirmed yet. */
export interface AnsweringHost extends Known {
  readonly kind: Role
  readonly answer: RoleAnswer
  readonly seenAtMs: Milliseconds
  readonly roundTripMs: Milliseconds
  /** The newest round trips since it answers, at most eight; oldest first. */
  readonly roundTripsMs: readonly Milliseconds[]
  /** The median of them: one slow answer, and the first one of a connection, say little about a host. */
  readonly responseTimeMs: number
  /** How far it was behind the master at its last answer; none on a master; undefined: not known. See docs/freshness.md. */
  readonly lag: Lag | undefined
  readonly suspicion: Suspicion | undefined
  /** When it came back after it had been away; undefined when it never was. New traffic is given to it by degrees. */
  readonly returnedAtMs: Milliseconds | undefined
}

/** A host that cannot be used, and why. */
export interface SilentHost extends Known {
  readonly kind: 'unreachable' | 'not-ready' | 'rejected'
  readonly cause: Error
  /** What it said when it last answered. */
  readonly lastAnswer: RoleAnswer | undefined
}

/** All that is known of one host at one moment. */
export type HostDescription = UnknownHost | AnsweringHost | SilentHost

/** Whether the host answered (or is merely suspected of having stopped to). */
export function isAnswering(host: HostDescription): host is AnsweringHost {
  return host.kind !== 'unknown' && 'answer' in host
}

/** What the host said when it last answered, whatever it is now. */
export function lastAnswerOf(host: HostDescription): RoleAnswer | undefined {
  if (host.kind === 'unknown') return undefined
  return 'answer' in host ? host.answer : host.lastAnswer
}
