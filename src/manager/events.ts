import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { Detachment, HostDescription } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'

/** A host that answers its checks while no lease on it ends. */
export interface StuckHost {
  readonly host: HostId
  /** Since when no lease has ended, on the manager's clock. */
  readonly sinceMs: Milliseconds
  readonly leased: number
  readonly waiting: number
}

/** A master that answers its checks while commits on it wait for a synchronous standby. */
export interface SyncWait {
  readonly host: HostId
  /** When one of the sessions that wait now was first seen waiting, on the manager's clock. */
  readonly sinceMs: Milliseconds
  /** How many sessions wait, of those that the role of the checks may see: its own, or all with `pg_read_all_stats`. */
  readonly waiting: number
}

/** The end of such a wait: nobody waits any more, or the host is the master no longer. */
export interface SyncWaitEnd {
  readonly host: HostId
  readonly lastedMs: number
}

/** A claim that an operator dismissed: of which host, and on which timeline. */
export interface DismissedClaim {
  readonly host: HostId
  readonly timeline: number
}

/** What a manager tells those who listen: plain records, no secrets. Listening changes nothing. */
export interface ManagerEvents<TConnection> {
  /** A host that was unknown or away answers now. */
  readonly hostUp: { readonly host: HostId; readonly state: HostDescription }
  /** A host is away: it stopped answering, its first check failed, or it is away for another reason than before. */
  readonly hostDown: { readonly host: HostId; readonly state: HostDescription; readonly cause: Error }
  /** An answering host has another role than before. */
  readonly roleChange: { readonly host: HostId; readonly before: HostDescription; readonly after: HostDescription }
  /** Another host is the master: one event for each failover or switchover, and one for the first master found. */
  readonly masterChange: { readonly before: HostId | undefined; readonly after: HostId; readonly epoch: number }
  /** A host accepts writes, but is fenced: another was seen writable on a higher timeline. It gets no leases. */
  readonly staleMaster: {
    readonly host: HostId
    readonly timeline: number | undefined
    /** The highest timeline of the claims that hold. */
    readonly highestTimeline: number
    /** The host that was seen writable on a higher timeline; undefined when this one was dismissed by `acceptMaster`. */
    readonly witness: HostId | undefined
    /** The fence in words: `fenced: db2:5432 is writable on timeline 26`. */
    readonly why: string
  }
  /** `acceptMaster` was called: the host is the master now, and the claims of these others are dismissed. */
  readonly masterAccepted: { readonly host: HostId; readonly dismissed: readonly DismissedClaim[] }
  /** Several hosts accept writes on one timeline. `master` is the one that keeps the role, if any does. */
  readonly splitBrain: { readonly host: HostId; readonly master: HostId | undefined }
  /** A host of the DSN belongs to another cluster; it gets no leases. */
  readonly foreignCluster: { readonly host: HostId; readonly systemId: string | undefined }
  /**
   * A replica is not known to follow the master: it has diverged, or receives nothing. It serves no read with a bound on lag or a
   * write token until it follows again, and other reads only when nobody else is left. `why` says it in words.
   */
  readonly replicaDetached: { readonly host: HostId; readonly reason: Detachment['reason']; readonly why: string }
  /** A replica that was not known to follow the master follows it again. */
  readonly replicaFollows: { readonly host: HostId }
  /** Any of the above. */
  readonly topologyChange: { readonly topology: Topology }
  /** A lease begins, `waitedMs` after it was asked for; the first `hostWaitMs` of them there was no host to ask. */
  readonly acquire: {
    readonly host: HostId
    readonly connection: TConnection
    readonly waitedMs: number
    readonly hostWaitMs: number
  }
  /** A lease has ended after `usedMs`. */
  readonly release: { readonly host: HostId; readonly connection: TConnection; readonly usedMs: number }
  /** A connection was made, which took `tookMs`. */
  readonly connect: { readonly host: HostId; readonly connection: TConnection; readonly tookMs: number }
  readonly acquireTimeout: { readonly error: Error }
  /**
   * A host answers its checks, but all its connections are leased, none came back from one check to the next, and callers
   * wait: the half-dead master. hasql leaves it in use. `sinceMs` is on the manager's monotonic clock.
   */
  readonly leasesStuck: StuckHost
  /**
   * The master answers its checks, but commits on it have been waiting for a synchronous standby from one check to the next. hasql leaves
   * it in use: there is no other master to go to. Emitted once for each wait; `syncWaitEnded` ends it.
   */
  readonly syncWait: SyncWait
  /** No commit waits there any more, or the host is the master no longer. */
  readonly syncWaitEnded: SyncWaitEnd
}

type Listener<T> = (record: T) => void

/** A typed list of listeners for each event. */
export class Emitter<TEvents extends object> {
  readonly #listeners: { [E in keyof TEvents]?: Set<Listener<TEvents[E]>> } = {}
  readonly #all: { clear(): void }[] = []
  readonly #reportBug: (error: unknown) => void

  /** `reportBug` takes what a listener throws; it must not throw itself. */
  constructor(reportBug: (error: unknown) => void) {
    this.#reportBug = reportBug
  }

  /** Adds a listener and returns what takes it off again. */
  on<E extends keyof TEvents>(event: E, listener: Listener<TEvents[E]>): () => void {
    const listeners = this.#setOf(event)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** The set of an event's listeners, which stays the same: whether anybody listens is a look at its size. */
  listenersOf<E extends keyof TEvents>(event: E): ReadonlySet<Listener<TEvents[E]>> {
    return this.#setOf(event)
  }

  emit<E extends keyof TEvents>(event: E, record: TEvents[E]): void {
    for (const listener of [...this.#setOf(event)]) {
      try {
        listener(record)
      } catch (error) {
        this.#reportBug(error)
      }
    }
  }

  clear(): void {
    for (const listeners of this.#all) listeners.clear()
  }

  #setOf<E extends keyof TEvents>(event: E): Set<Listener<TEvents[E]>> {
    const known = this.#listeners[event]
    if (known !== undefined) return known
    const made = new Set<Listener<TEvents[E]>>()
    this.#listeners[event] = made
    this.#all.push(made)
    return made
  }
}
