import type { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import type { HostDescription } from '../../src/topology/host-description.ts'
import type { Topology } from '../../src/topology/topology.ts'
import type { FakeEventLoop } from '../support/fake/event-loop.ts'
import type { FakeClient } from '../support/fake/fake-connection.ts'
import type { FakeCluster } from '../support/fake/fake-cluster.ts'
import type { FakePool } from '../support/fake/fake-pool.ts'
import { Announcer } from './announcer.ts'
import type { Knowledge } from './knowledge.ts'
import { ProbeConnections } from './probe-connections.ts'
import type { Scenario } from './scenario.ts'

export type Manager = BasePoolManager<FakeClient, FakePool>

/** A broken invariant. */
export interface Violation {
  readonly invariant: string
  readonly text: string
  readonly atMs: number
}

/** One run: the model servers, the manager under test, and what is known about both. */
export class World {
  readonly scenario: Scenario
  readonly loop: FakeEventLoop
  readonly cluster: FakeCluster
  readonly announcer: Announcer = new Announcer()
  readonly knowledge: Knowledge
  readonly probes: ProbeConnections = new ProbeConnections()
  /** Lines of what happened; undefined while nobody wants to read them. */
  readonly trace: string[] | undefined
  /** When the event loop last stood still. */
  lastStallMs: number = -Infinity
  /** Everything was healed; the application is modest from then on, so that the first bound is not for its queue. */
  isHealed = false
  /** `close` or `terminate` is being called, or was. */
  isClosing = false
  /** Acknowledged writes in the final history, those that PostgreSQL lost by itself, and runs of `retry` that came to them. */
  readonly writes: Record<'kept' | 'lost' | 'again', number> = { kept: 0, lost: 0, again: 0 }
  /** Reads after a token: on a replica and on the master, and those refused because the write may be lost. */
  readonly tokens: Record<'onReplica' | 'onMaster' | 'refused', number> = { onReplica: 0, onMaster: 0, refused: 0 }
  violation: Violation | undefined
  #db: Manager | undefined

  constructor(scenario: Scenario, loop: FakeEventLoop, cluster: FakeCluster, knowledge: Knowledge, traced: boolean) {
    this.scenario = scenario
    this.loop = loop
    this.cluster = cluster
    this.knowledge = knowledge
    this.trace = traced ? [] : undefined
  }

  get db(): Manager {
    if (this.#db === undefined) throw new RangeError('the manager is not made yet')
    return this.#db
  }

  set db(db: Manager) {
    this.#db = db
  }

  get topology(): Topology {
    return this.db.topology
  }

  hostNamed(hostId: string): HostDescription | undefined {
    return [...this.topology.hosts.values()].find((host) => host.hostId === hostId)
  }

  /** The first violation counts; what follows from it is noise. */
  violated(invariant: string, text: string): void {
    this.note(() => `VIOLATED ${invariant}: ${text}`)
    this.violation ??= { invariant, text, atMs: this.loop.nowMs() }
  }

  note(line: () => string): void {
    this.trace?.push(`${this.loop.nowMs().toFixed(2).padStart(9)}  ${line()}`)
  }
}
