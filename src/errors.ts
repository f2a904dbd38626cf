/**
 * The base of every error hasql raises.
 *
 * ```ts
 * try { await db.acquireMaster() } catch (error) { if (error instanceof HasqlError) console.error(error.code) }
 * ```
 * `code` is stable across versions (`ERR_HASQL_…`); messages are for people and may change. No message, property or
 * cause ever holds a password.
 */
export class HasqlError extends Error {
  override readonly name: string = 'HasqlError'
  /** Stable machine-readable identifier, for example `ERR_HASQL_ACQUIRE_TIMEOUT`. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An option is unknown, out of range, or makes no sense beside another. */
export class OptionsError extends HasqlError {
  override readonly name = 'OptionsError'
  /** The option's name. */
  readonly option: string

  constructor(option: string, message: string) {
    super('ERR_HASQL_OPTIONS', message)
    this.option = option
  }
}

/** How one host stood when an acquire gave up. */
export interface HostState {
  /** `host:port`. */
  readonly host: string
  /** What the host is, for example `master`, `unreachable`, `stale-master`. */
  readonly state: string
  /** Why it was not leased, in words. */
  readonly why: string
}

/** What an acquire was waiting for when its time ran out. */
export type AcquireTimeoutReason = 'no-suitable-host' | 'pool-exhausted' | 'connect-failed'

/**
 * No connection became available within the acquire's one deadline.
 *
 * `reason` tells a missing host (`no-suitable-host`) from a full pool (`pool-exhausted`) and from connections that
 * could not be made (`connect-failed`); `hosts` says for each host what it was and why it did not fit.
 */
export class AcquireTimeoutError extends HasqlError {
  override readonly name = 'AcquireTimeoutError'
  readonly reason: AcquireTimeoutReason
  readonly hosts: readonly HostState[]

  constructor(reason: AcquireTimeoutReason, message: string, hosts: readonly HostState[], options?: ErrorOptions) {
    super('ERR_HASQL_ACQUIRE_TIMEOUT', message, options)
    this.reason = reason
    this.hosts = hosts
  }
}

/** The hosts refuse the connection by configuration: password, database, right, TLS. Waiting would not help. */
export class AccessRefusedError extends HasqlError {
  override readonly name = 'AccessRefusedError'
  readonly hosts: readonly HostState[]

  constructor(message: string, hosts: readonly HostState[], options?: ErrorOptions) {
    super('ERR_HASQL_ACCESS_REFUSED', message, options)
    this.hosts = hosts
  }
}

/** Waiting for hosts to become ready took longer than `timeoutMs`. */
export class ReadyTimeoutError extends HasqlError {
  override readonly name = 'ReadyTimeoutError'
  readonly hosts: readonly HostState[]

  constructor(message: string, hosts: readonly HostState[]) {
    super('ERR_HASQL_READY_TIMEOUT', message)
    this.hosts = hosts
  }
}

/** The caller's `AbortSignal` ended the wait; `cause` is the signal's reason. */
export class AcquireAbortedError extends HasqlError {
  override readonly name = 'AcquireAbortedError'

  constructor(reason: unknown) {
    super('ERR_HASQL_ABORTED', 'The acquire was aborted by its AbortSignal', { cause: reason })
  }
}

/**
 * The write that a read was to see can never be shown to be where we read: it may have been lost in a failover, or belongs to
 * another cluster. Waiting would not help: drop the token and read from the master, or do the write again if it is not there.
 */
export class TokenUnreachableError extends HasqlError {
  override readonly name = 'TokenUnreachableError'
  readonly hosts: readonly HostState[]

  constructor(why: string, hosts: readonly HostState[]) {
    const advice = 'Read without the token, from the master, to see what there is, and drop the token'
    super('ERR_HASQL_TOKEN_UNREACHABLE', `The write of this token cannot be shown to be there: ${why}. ${advice}`)
    this.hosts = hosts
  }
}

/** No write token can be taken on a connection: it is not the master's, or a transaction is open on it. */
export class TokenUnavailableError extends HasqlError {
  override readonly name = 'TokenUnavailableError'

  constructor(why: string, options?: ErrorOptions) {
    super('ERR_HASQL_TOKEN_UNAVAILABLE', `No write token can be taken here: ${why}`, options)
  }
}

/** The manager is closed, or is closing. */
export class ManagerClosedError extends HasqlError {
  override readonly name = 'ManagerClosedError'

  constructor(doing: string) {
    super('ERR_HASQL_CLOSED', `Cannot ${doing}: the pool manager is closed. Create a new PoolManager to connect again`)
  }
}

/** More callers are waiting than the manager keeps count of; the application asks for more than it gives back. */
export class QueueFullError extends HasqlError {
  override readonly name = 'QueueFullError'

  constructor(limit: number) {
    super(
      'ERR_HASQL_QUEUE_FULL',
      `${limit} callers are waiting for a connection already. Release connections sooner, raise poolOptions.max, or ask for fewer at a time`,
    )
  }
}

/**
 * A host cannot be accepted as master: its last check was not answered, or did not say that it takes the cluster's writes.
 *
 * ```ts
 * try { db.acceptMaster('db1:5432') } catch (error) { if (error instanceof NotWritableError) console.error(error.state, error.message) }
 * ```
 */
export class NotWritableError extends HasqlError {
  override readonly name = 'NotWritableError'
  /** `host:port`. */
  readonly host: string
  /** What the host is, for example `unreachable`, `replica`. */
  readonly state: string

  constructor({ host, state, why }: HostState) {
    super(
      'ERR_HASQL_NOT_WRITABLE',
      `${host} cannot be accepted as master: it ${why}. Make it writable first, or wait until it answers its checks`,
    )
    this.host = host
    this.state = state
  }
}

/** A connection was given back that this manager did not hand out, or that was given back before. */
export class UnknownConnectionError extends HasqlError {
  override readonly name = 'UnknownConnectionError'

  constructor(what: 'foreign' | 'released') {
    super(
      'ERR_HASQL_UNKNOWN_CONNECTION',
      what === 'foreign'
        ? 'This connection was not acquired from this pool manager: release it where it came from'
        : 'This connection was released already: release a connection exactly once',
    )
  }
}

/**
 * What is known of the effects of what was done on a lease.
 *
 * - `not-executed`: nothing of it took effect; all of it can be done again.
 * - `unknown`: some of it did, or may have; a commit whose answer never came, for example.
 */
export type Outcome = 'not-executed' | 'unknown'

/**
 * The host went away, or was fenced, while the connection was leased; what was running on it was cut off.
 *
 * ```ts
 * if (error instanceof HostLostError && error.outcome === 'unknown') await lookWhetherItIsThere()
 * ```
 * `outcome` speaks of the whole lease, not of one statement. What the driver saw, if it saw anything, is the `cause`.
 */
export class HostLostError extends HasqlError {
  override readonly name = 'HostLostError'
  /** `host:port`. */
  readonly host: string
  readonly outcome: Outcome

  constructor(host: string, outcome: Outcome, why: string, options?: ErrorOptions) {
    super('ERR_HASQL_HOST_LOST', `${host} ${why}; the outcome of what was running there is ${outcome}`, options)
    this.host = host
    this.outcome = outcome
  }
}
