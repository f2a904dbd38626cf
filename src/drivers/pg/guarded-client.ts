import pg from 'pg'
import type { BoundLease, DriverConnection } from '../../driver/driver.ts'

/** What a guarded client tells, from its construction to the end of its socket. */
export interface ClientGuard {
  /** Given to the client, not to `pg.Pool`, which would set a timer for every checkout. */
  readonly connectTimeoutMs: number
  /** Whether connections may go from one lease to the next past `pg.Pool`. */
  readonly mayPassOn: boolean
  born(connection: PgConnection): void
  failed(connection: PgConnection, error: Error): void
  hinted(connection: PgConnection): void
  gone(connection: PgConnection): void
}

/** The key under which a guard travels in a client's configuration; a symbol, so that no dump shows it. */
export const guardKey: unique symbol = Symbol('hasql.guard')

/** A `pg` client configuration that carries a guard. */
export interface GuardedConfig extends pg.ClientConfig {
  [guardKey]?: ClientGuard
}

/** Parameters whose change means that the server may have another role now (law 11: a hint, never a grant). */
const ROLE_PARAMETERS: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only'])

/** `read_only_sql_transaction`: a write on a replica. */
const READ_ONLY = '25006'

/**
 * SQLSTATEs with which a server ends a session (PostgreSQL documentation, Appendix A): told to go, crash, shutting down,
 * database dropped, idle session, idle transaction, transaction timeout.
 */
const SESSION_ENDS: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])

type ServerError = Error & { readonly code?: string }

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** `pg.PoolClient` with a listener for errors from its first moment to its last, that `await using` can give back. */
export class GuardedClient extends pg.Client implements AsyncDisposable {
  /** Set by `pg.Pool` at each checkout, then bound to the lease. */
  declare release: (destroy?: Error | boolean) => void
  readonly #slot: PgConnection

  constructor(config?: GuardedConfig) {
    const guard = config?.[guardKey]
    // `pg.Pool` hides the password from enumeration, so a copy needs it by name.
    super(
      guard === undefined
        ? config
        : { ...config, password: config?.password, connectionTimeoutMillis: guard.connectTimeoutMs },
    )
    this.#slot = new PgConnection(this, guard)
    this.once('connect', () => forgetPassword(this))
  }

  static connectionOf(client: pg.Client): PgConnection | undefined {
    return client instanceof GuardedClient ? client.#slot : undefined
  }

  /**
   * Gives the lease back that is current when this is read, once. `await using` reads it where the variable is
   * declared, so leaving the scope after an early release never ends somebody else's lease.
   */
  get [Symbol.asyncDispose](): () => Promise<void> {
    const lease = this.#slot.lease
    return () => {
      lease?.dispose()
      return Promise.resolve()
    }
  }
}

/** One physical connection of `pg`. */
export class PgConnection implements DriverConnection<GuardedClient> {
  readonly native: GuardedClient
  /** `pg.Pool`'s own release function of the current checkout. */
  giveBackToPool: ((destroy?: boolean) => void) | undefined
  lease: BoundLease | undefined
  readonly #guard: ClientGuard | undefined
  readonly #parameters = new Map<string, string>()
  #state: 'open' | 'broken' | 'closed' = 'open'

  constructor(native: GuardedClient, guard: ClientGuard | undefined) {
    this.native = native
    this.#guard = guard
    guard?.born(this)
    native.on('error', (error) => this.#failed(error))
    native.on('end', () => this.#gone())
    // `pg` leaves the socket open when it gives up on a handshake itself, for example over a missing password.
    native.connection.on('error', () => native.connection.stream.destroy())
    native.connection.on('errorMessage', (error: ServerError) => this.#errorMessage(error))
    native.connection.on('parameterStatus', (status: ParameterStatus) => this.#parameter(status))
  }

  isClosed(): boolean {
    return this.#state !== 'open'
  }

  giveBack(destroy: boolean): void {
    const giveBack = this.giveBackToPool
    this.giveBackToPool = undefined
    this.lease = undefined
    giveBack?.(destroy || isInTransaction(this.native))
  }

  interrupt(cause: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'broken'
    this.native.connection.stream.destroy(cause)
  }

  bind(lease: BoundLease): void {
    this.lease = lease
    this.native.release = (destroy) => lease.release(Boolean(destroy))
  }

  canPassOn(): boolean {
    return this.#guard?.mayPassOn === true && !isInTransaction(this.native)
  }

  /** An error that ends the session is followed by the end of the socket, but the client may be given back before. */
  #errorMessage(error: ServerError): void {
    if (SESSION_ENDS.has(error.code ?? '')) this.#failed(error)
    else if (error.code === READ_ONLY) this.#guard?.failed(this, error)
  }

  #failed(error: Error): void {
    if (this.#state !== 'open') return
    this.#state = 'broken'
    this.native.connection.stream.destroy()
    this.#guard?.failed(this, error)
  }

  #gone(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#guard?.gone(this)
  }

  #parameter({ parameterName, parameterValue }: ParameterStatus): void {
    if (!ROLE_PARAMETERS.has(parameterName)) return
    const before = this.#parameters.get(parameterName)
    this.#parameters.set(parameterName, parameterValue)
    if (before !== undefined && before !== parameterValue) this.#guard?.hinted(this)
  }
}

/** What let the client in is of no use any more, and must not be found by whoever dumps the client. */
function forgetPassword(client: pg.Client): void {
  const parameters: unknown = Reflect.get(client, 'connectionParameters')
  for (const holder of [client, parameters]) {
    if (typeof holder === 'object' && holder !== null) Reflect.set(holder, 'password', undefined)
  }
}

/** A transaction left open by its holder would swallow the next holder's work. */
function isInTransaction(client: pg.Client): boolean {
  const status = client.getTransactionStatus()
  return status === 'T' || status === 'E'
}
