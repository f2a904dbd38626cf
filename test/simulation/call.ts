import type { Topology } from '../../src/topology/topology.ts'
import type { FakeClient } from '../support/fake/fake-connection.ts'

export type Wanted = 'master' | 'replica'

/** One call of `acquire`, from the call until its promise settles. */
export interface Call {
  readonly id: number
  readonly wanted: Wanted
  /** Whether a master may serve a read. */
  readonly mayBeMaster: boolean
  readonly startedAtMs: number
  readonly deadlineMs: number
  /** Waits for a healed cluster, which must serve it in time. */
  readonly mustSucceed: boolean
  /** The write that a read must see, by its number. */
  readonly after?: number | undefined
  /** Whether it wants to know how fresh the data is: by a bound on lag, or a token. */
  readonly isBounded?: boolean
  isAborted: boolean
  isSettled: boolean
}

/** A lease as the manager announced it, with the snapshot of that moment. */
export interface Lease {
  readonly hostId: string
  readonly client: FakeClient
  readonly topology: Topology
  /** Why the probes answered so far say that this host must take no writes; undefined when nothing does. */
  readonly fenced: string | undefined
  /** Why they say that it must get no lease of any kind. */
  readonly leftBehind: string | undefined
}
