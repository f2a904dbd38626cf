import type { HostId, NonEmpty } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { UNSEEN_ENDPOINT } from './endpoint.ts'
import type { AnsweringHost, HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'
import type { Wal } from './wal.ts'
import { NO_WAL } from './wal.ts'

/** What fencing remembers between observations. */
export interface Fencing {
  /** The cluster the manager works with; undefined until a host told. */
  readonly systemId: string | undefined
  /** The highest timeline ever seen on that cluster. */
  readonly highestTimeline: number
  /** The same of clusters that were left for another: whoever comes back finds their stale masters still fenced. */
  readonly leftTimelines: ReadonlyMap<string, number>
  /** The host last known as master, also while it is away. */
  readonly incumbent: HostId | undefined
  /** Counts the changes of master: every master ever known has a number of its own. */
  readonly epoch: number
}

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
    fencing: Object.freeze({
      systemId: undefined,
      highestTimeline: 0,
      leftTimelines: new Map(),
      incumbent: undefined,
      epoch: 0,
    }),
    wal: NO_WAL,
    masterlessSinceMs: nowMs,
  })
}

/** Hosts that take writes now. More than one only with `multiMaster`. A master under suspicion is not among them. */
export function masters(topology: Topology): AnsweringHost[] {
  return answering(topology).filter((host) => host.kind === 'master' && host.suspicion === undefined)
}

/** Hosts that take reads, the suspected included. */
export function replicas(topology: Topology): AnsweringHost[] {
  return answering(topology).filter((host) => host.kind === 'replica' || host.kind === 'read-only-master')
}

function answering(topology: Topology): AnsweringHost[] {
  return [...topology.hosts.values()].filter(isAnswering)
}
