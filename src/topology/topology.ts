import type { HostId, NonEmpty } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { UNSEEN_ENDPOINT } from './endpoint.ts'
import type { Fencing } from './fencing.ts'
import { NO_FENCING } from './fencing.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering, isTrusted } from './host-description.ts'
import type { Wal } from './wal.ts'
import { NO_WAL } from './wal.ts'

/** An immutable snapshot of all hosts; a new one replaces it with every observation that says something new. */
export interface Topology {
  readonly revision: number
  readonly hosts: ReadonlyMap<HostId, HostDescription>
  readonly fencing: Fencing
  /** What is known of the write-ahead log: what lag and write tokens are judged by. */
  readonly wal: Wal
  /** Since when no master is known; undefined while there is one. */
  readonly masterlessSinceMs: Milliseconds | undefined
}

/** The topology before anything was seen: every host unknown. */
export function initialTopology(hostIds: NonEmpty<HostId>, nowMs: Milliseconds): Topology {
  return Object.freeze({
    revision: 0,
    hosts: new Map(
      hostIds.map((hostId) => [
        hostId,
        Object.freeze({
          kind: 'unknown',
          hostId,
          sinceMs: nowMs,
          probe: 0,
          generation: 0,
          servers: 0,
          endpoint: UNSEEN_ENDPOINT,
        } as const),
      ]),
    ),
    fencing: NO_FENCING,
    wal: NO_WAL,
    masterlessSinceMs: nowMs,
  })
}

/** Hosts that take writes now. More than one only with `multiMaster`. A master under suspicion is not, unless it is merely busy. */
export function masters(topology: Topology): AnsweringHost[] {
  return answering(topology).filter((host) => host.kind === 'master' && isTrusted(host))
}

/** Hosts that take reads, the suspected included. */
export function replicas(topology: Topology): AnsweringHost[] {
  return answering(topology).filter((host) => host.kind === 'replica' || host.kind === 'read-only-master')
}

function answering(topology: Topology): AnsweringHost[] {
  return [...topology.hosts.values()].filter(isAnswering)
}
