import type { Candidate } from '../../src/balancer/policy.ts'
import type { Topology } from '../../src/topology/topology.ts'
import type { FakeConnection } from '../support/fake/fake-connection.ts'
import type { FakePool } from '../support/fake/fake-pool.ts'
import type { FakeProbe } from '../support/fake/fake-probe.ts'
import type { Row } from '../support/fake/fake-link.ts'
import type { Call, Lease } from './call.ts'

/** What happens in a run, for those who check it. */
export interface Events {
  /** One callback of the event loop, and all promises it settled, are done. */
  readonly step: []
  /** At the end of a step in which the snapshot was replaced. */
  readonly snapshot: [before: Topology, after: Topology]
  /** In the turn in which a snapshot was replaced, after its effects. */
  readonly changed: [topology: Topology]
  /** Just before and just after a call of `acquire`, in one turn. */
  readonly calling: []
  readonly called: [call: Call]
  readonly granted: [call: Call, lease: Lease]
  readonly rejected: [call: Call, error: unknown]
  /** A holder sends a write; what it was told of it. */
  readonly writing: [writeId: number, hostId: string]
  readonly written: [writeId: number, fate: 'written' | 'not-executed']
  /** A token of a write was taken. A read that was to see a write was made. */
  readonly tokenTaken: [writeId: number, token: string]
  readonly looked: [call: Call, hostId: string, sees: boolean]
  /** A setting was pushed, on a pooled or a probe connection; the snapshots before and after the manager was told. */
  readonly hinted: [hostId: string, before: Topology, after: Topology]
  /** The balancer policy is shown these hosts. */
  readonly picking: [candidates: readonly Candidate[]]
  readonly poolTouched: [pool: FakePool]
  readonly connectFailed: [pool: FakePool]
  readonly born: [connection: FakeConnection]
  /** After the manager was told; the snapshots before and after that. */
  readonly fault: [connection: FakeConnection, error: Error, before: Topology, after: Topology]
  readonly arrived: [connection: FakeConnection, atMs: number]
  readonly givenBack: [connection: FakeConnection, destroy: boolean]
  readonly probeOpened: [probe: FakeProbe]
  readonly probeAsked: [probe: FakeProbe, statement: string]
  readonly probeAnswered: [probe: FakeProbe, statement: string, row: Row]
  readonly probeDropped: [probe: FakeProbe]
  /** `close` or `terminate` has resolved. */
  readonly closed: []
}

type Listener<E extends keyof Events> = (...details: Events[E]) => void
type Listeners = { readonly [E in keyof Events]: Listener<E>[] }

/** Tells the laws what happens. */
export class Announcer {
  readonly #listeners: Listeners = {
    step: [],
    snapshot: [],
    changed: [],
    calling: [],
    called: [],
    granted: [],
    rejected: [],
    writing: [],
    written: [],
    tokenTaken: [],
    looked: [],
    hinted: [],
    picking: [],
    poolTouched: [],
    connectFailed: [],
    born: [],
    fault: [],
    arrived: [],
    givenBack: [],
    probeOpened: [],
    probeAsked: [],
    probeAnswered: [],
    probeDropped: [],
    closed: [],
  }

  on<E extends keyof Events>(event: E, listener: Listener<E>): void {
    this.#listeners[event].push(listener)
  }

  tell<E extends keyof Events>(event: E, ...details: Events[E]): void {
    const listeners: readonly Listener<E>[] = this.#listeners[event]
    for (const listener of listeners) listener(...details)
  }
}
