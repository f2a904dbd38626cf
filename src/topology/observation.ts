import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { Milliseconds } from '../time/milliseconds.ts'

/** What a host said of itself in one answered probe. */
export interface RoleAnswer {
  /** `pg_is_in_recovery()`: true on a replica. */
  readonly inRecovery: boolean
  /** `default_transaction_read_only`: a master that refuses writes by setting. */
  readonly readOnlyDefault: boolean
  /** The timeline being written. Undefined on a replica or when the rights are missing. */
  readonly timeline: number | undefined
  /** Write position of a master, replay position of a replica; undefined when the rights are missing. */
  readonly lsn: bigint | undefined
  /** A timeline that a replica has reached; it may be on a newer one by now. Undefined on a master. */
  readonly reachedTimeline: number | undefined
  /** The timeline that a replica receives; undefined when it receives none, or does not show it to this role. */
  readonly receivedTimeline: number | undefined
  /** Process id of a replica's WAL receiver, `none` when none runs; undefined on a master, and where it is not shown. */
  readonly receiver: number | 'none' | undefined
  /** `pg_control_system().system_identifier`: which cluster this is; undefined when the rights are missing. */
  readonly systemId: string | undefined
  /** `pg_postmaster_start_time()`: which life of the server this is. */
  readonly incarnation: string | undefined
  /** `host:port` of the server itself, also behind a proxy; undefined over a Unix-domain socket or when the rights are missing. */
  readonly serverAddress: string | undefined
  /** When this life of the server began, on the manager's monotonic clock, and at the latest; undefined when it does not tell. */
  readonly lifeBeganMs: Milliseconds | undefined
}

/** Why an observation may be believed: how new it is. */
export interface Evidence {
  /** The number of the host's probe that this is, or that was last started when it was seen. */
  readonly probe: number
  /** The generation of the pooled connection it was seen on; undefined for a probe. */
  readonly generation: number | undefined
}

/** The outcome of one check of one host, or of one thing that happened to a connection of it. */
export type HostObservation =
  | {
      readonly kind: 'answered'
      readonly hostId: HostId
      readonly atMs: Milliseconds
      readonly evidence: Evidence
      readonly answer: RoleAnswer
      readonly roundTripMs: Milliseconds
      /** Whether it is the first answer of its connection: another server may have been reached than before. */
      readonly isFirst?: boolean
    }
  | {
      readonly kind: 'failed'
      readonly hostId: HostId
      readonly atMs: Milliseconds
      readonly evidence: Evidence
      readonly fault: HostFault
      readonly cause: Error
      /** Something arrived from the host since the check was sent, though not the answer to it. Grants nothing. */
      readonly isAlive?: boolean
      /** It was seen on the pool's own way to the host, while checks take another one and so cannot put it right. */
      readonly isOnDetour?: boolean
    }

/** An operator's word: this host is the master, whatever others have claimed. */
export interface MasterAccepted {
  readonly kind: 'accepted'
  readonly hostId: HostId
  readonly atMs: Milliseconds
}

/** What changes the topology: what was seen of a host, or what an operator said of one. */
export type TopologyInput = HostObservation | MasterAccepted
