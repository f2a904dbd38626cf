import type { HostSpec } from '../dsn/host-spec.ts'
import type { Outcome } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { SocketLookup } from '../network/lookup.ts'
import type { Hold } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'

/** Whether an error came while a connection was being made, or on one that was established. */
export type Phase = 'connect' | 'session'

/** The lease a connection is under. */
export interface BoundLease {
  /** Ends the lease; a second call is an error. */
  release(destroy: boolean): void
  /** Ends the lease if it has not ended yet. */
  dispose(): void
}

/** What has arrived on a connection so far. Two of them are compared: of more, with as many pauses, some came in between. */
export interface Received {
  /** Bytes, or where a driver sees none of them, answers. */
  readonly amount: number
  /** How often reading was paused; what is read after a pause may have waited for long. */
  readonly pauses: number
  /** Whether it is being read now. */
  readonly isRead: boolean
}

/** One physical connection of a driver's pool, from before it connects until its socket is closed. */
export interface DriverConnection<TConnection> {
  /** What the caller gets. */
  readonly native: TConnection
  /** Whether it can run nothing any more. */
  isClosed(): boolean
  /** Back to the driver's pool it was checked out of, or destroyed. Called once per checkout. */
  giveBack(destroy: boolean): void
  /** Destroys the socket now, whatever it is doing; pending work rejects with `cause`. Safe at any time, and twice. */
  interrupt(cause: Error): void
  /** Makes the native connection's own way of giving back, and `await using`, end this lease. A new account begins. */
  bind(lease: BoundLease): void
  /** The lease has ended; the connection is given back, or bound again, later. */
  unbind?(): void
  /**
   * What is known of the effects of what was done here since `bind`: `not-executed` only if it is certain that no
   * statement took effect, because none was sent, the server refused it, or its transaction was never committed.
   * Still asked after the connection died. A driver that cannot tell leaves it out, which counts as `unknown`.
   */
  outcome?(): Outcome
  /**
   * Whether the next caller may have the connection as it is, without its passing through the driver's pool; not when a
   * transaction is open on it, or when the pool wants to look at each connection that comes back. Without it: never.
   */
  canPassOn?(): boolean
  /** Whether a statement runs on it outside of a lease, which is waited for when the manager closes. Without it: never. */
  isAnswering?(): boolean
  /**
   * A number that stands for the statement that is being answered, no two statements of the connection the same; undefined while none
   * is. Without it nobody notices that a commit waits for a synchronous standby.
   */
  statementUnderWay?(): number | undefined
  /** Has the connection closed as soon as it is idle; called only while it is answering. */
  retire?(): void
  /**
   * Runs one constant statement for hasql while the connection is leased, and returns its first row as text. Without it
   * no write tokens can be taken.
   */
  query?(sql: string): Promise<readonly (string | null)[]>
  /**
   * Whether the server called itself a standby (`in_hot_standby`, PostgreSQL documentation, 20.11.1) when it said so last; undefined
   * when it did not, as before PostgreSQL 14. Without it nobody notices so early that a connection leads to another server.
   */
  isStandby?(): boolean | undefined
  /**
   * What has arrived on it, which tells a busy host from a dead one (law 12). Undefined while it connects, and when it
   * has ended. Asked for once with each check, so it may cost something. Without it: no sign of life.
   */
  received?(): Received | undefined
}

/** Idle connections that are kept for the next caller. */
export interface KeptConnections<TConnection> {
  readonly length: number
  has(connection: DriverConnection<TConnection>): boolean
  /** Gives them back. */
  clear(): void
}

/** What a driver's pool tells of its connections. None of these may throw. */
export interface DriverPoolHooks<TConnection> {
  /** A connection object exists; it has not connected yet. */
  born(connection: DriverConnection<TConnection>): void
  /**
   * The connection died (called at most once for each), or its server answered a statement with an error: with any, for
   * what it means is not the driver's to judge. Not called for failed connects, nor for what `interrupt` caused.
   */
  failed(connection: DriverConnection<TConnection>, error: unknown): void
  /** The server pushed a setting that hints at another role (law 11). */
  hinted(connection: DriverConnection<TConnection>): void
  /** A connection that ran statements outside of leases is idle now; of a driver that has such. */
  freed(): void
  /** Idle connections that hasql keeps back; to the driver's pool they look as if they were in use. */
  readonly kept: KeptConnections<TConnection>
  /** The socket is closed. Called exactly once for each connection born. */
  gone(connection: DriverConnection<TConnection>): void
}

/** The pool of one host, made of the driver's own pool. */
export interface DriverPool<TConnection, TPool> {
  /** The driver's own pool object. */
  readonly native: TPool
  /** The most connections it may hold; belongs to the caller. */
  readonly capacity: number
  /** Connections that it keeps open when nobody needs them; left out: none. */
  readonly minimum?: number
  /** Connections that checkouts get without making one; those promised to checkouts under way may be counted or not. */
  readonly idle: number
  /**
   * Whether connections are quicker had from hasql than from this pool, so that hasql keeps those given back for a moment, in
   * `kept`. The pool then shows its own callers those among the idle ones, and has them given back before it serves one.
   */
  readonly isBypassed?: boolean
  /** Checks one connection out. Calls back exactly once, never in the same turn; cannot be called off. */
  checkOut(done: (error: unknown, connection: DriverConnection<TConnection> | undefined) => void): void
  /** Closes idle connections and refuses new ones; resolves when every socket is closed. Leases were ended before. */
  close(): Promise<void>
}

/** hasql's reserved connection to a host, outside the caller's pool. Connects with its first query. */
export interface ProbeConnection {
  /** Runs one constant statement and returns its first row as text. One at a time. */
  query(sql: string): Promise<readonly (string | null)[]>
  /** Destroys the socket now; a pending query rejects. Safe at any time, and twice. */
  destroy(): void
  /** Whether the login is complete: what is there takes connections, whatever becomes of the queries. */
  readonly isLoggedIn: boolean
}

/** How a probe connection is opened. */
export interface ProbeOptions {
  /** Whether its socket keeps the process alive. */
  readonly hold: Hold
  /** The established connection ended while no query was pending. Called at most once, never after `destroy`. */
  readonly onLost: (error: Error) => void
  /** The server pushed a setting that hints at another role. */
  readonly onHint: () => void
  /** Whether the host's own password and TLS settings hold, whatever the pools of this driver were given. */
  readonly hasOwnCredentials?: boolean
  /** As in `PoolOptions`. */
  readonly lookup: SocketLookup
}

/** How a pool is opened. */
export interface PoolOptions {
  readonly connectTimeoutMs: Milliseconds
  readonly allowExitOnIdle: boolean
  /**
   * How sockets get from the host's name to its addresses: to be handed to `net.connect` as its `lookup`, for every
   * connection anew. A driver that cannot do that leaves the names to its own resolver, and hasql cannot guard them.
   */
  readonly lookup: SocketLookup
}

/**
 * What a driver must be able to do. Composed into a manager; a driver has no state of its own and none is subclassed.
 */
export interface Driver<TConnection, TPool> {
  readonly name: string
  openPool(spec: HostSpec, options: PoolOptions, hooks: DriverPoolHooks<TConnection>): DriverPool<TConnection, TPool>
  openProbe(spec: HostSpec, options: ProbeOptions): ProbeConnection
  /** What an error says about its host. Knows the driver's own errors that carry no code, and `classifyError`. */
  classify(error: unknown, phase: Phase): HostFault | undefined
}
