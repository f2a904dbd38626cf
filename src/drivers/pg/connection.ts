import type { BoundLease, DriverConnection } from '../../driver/driver.ts'
import { Ledger } from '../../driver/ledger.ts'
import { endsSession } from '../../driver/session-end.ts'
import { HasqlError, HostLostError } from '../../errors.ts'
import type { Outcome } from '../../errors.ts'
import { guardParser, violation } from './guard-parser.ts'
import type { ClientGuard, GuardedClient } from './guarded-client.ts'

/** Parameters whose change means that the server may have another role now (law 11: a hint, never a grant). */
const ROLE_PARAMETERS: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only'])

/** Every statement of ours asks for text; the caller's parsers are for the caller's values. */
const AS_TEXT = { getTypeParser: () => (text: string | Buffer) => text }

type ServerError = Error & { readonly code?: string }

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** One physical connection of `pg`. */
export class PgConnection implements DriverConnection<GuardedClient> {
  readonly native: GuardedClient
  readonly ledger: Ledger
  /** `pg.Pool`'s own release function of the current checkout. */
  giveBackToPool: ((destroy?: boolean) => void) | undefined
  lease: BoundLease | undefined
  readonly #guard: ClientGuard | undefined
  readonly #parameters = new Map<string, string>()
  #state: 'connecting' | 'open' | 'broken' | 'closed' = 'connecting'
  #loss: Error | undefined

  constructor(native: GuardedClient, guard: ClientGuard | undefined) {
    this.native = native
    this.ledger = new Ledger(() => isInTransaction(native))
    this.#guard = guard
    guard?.born(this)
    native.on('error', (error) => this.#failed(error))
    native.on('end', () => this.#gone())
    this.#listen()
  }

  /** What the holder's statements reject with since the connection died under the lease. */
  get loss(): Error | undefined {
    return this.#loss
  }

  isClosed(): boolean {
    return this.#state === 'broken' || this.#state === 'closed'
  }

  giveBack(destroy: boolean): void {
    const giveBack = this.giveBackToPool
    this.giveBackToPool = undefined
    this.lease = undefined
    // A transaction left open by its holder would swallow the next holder's work.
    giveBack?.(destroy || isInTransaction(this.native))
  }

  interrupt(cause: Error): void {
    if (this.#state === 'closed') return
    if (this.lease !== undefined) this.#loss ??= cause
    this.#state = 'broken'
    this.native.connection.stream.destroy(cause)
  }

  bind(lease: BoundLease): void {
    this.lease = lease
    this.ledger.begin()
    this.native.release = (destroy) => lease.release(Boolean(destroy))
  }

  unbind(): void {
    this.lease = undefined
  }

  canPassOn(): boolean {
    return this.#guard?.mayPassOn === true && !isInTransaction(this.native)
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    const result = await this.native.query<(string | null)[]>({ text: sql, rowMode: 'array', types: AS_TEXT })
    return result.rows[0] ?? []
  }

  outcome(): Outcome {
    return this.ledger.outcome()
  }

  /** These listen before `pg` does, which attaches its own listeners when it connects. */
  #listen(): void {
    const { connection } = this.native
    guardParser(connection, {
      completed: (tag) => this.ledger.completed(tag),
      ready: (status) => {
        if (this.#state === 'connecting') this.#state = 'open'
        this.ledger.ready(status)
      },
      wrote: () => this.ledger.wrote(),
      violated: (error) => this.#violated(error),
    })
    connection.on('error', (error: Error) => this.#socketEnded(error))
    connection.on('end', () => this.#socketEnded(new Error('Connection terminated unexpectedly')))
    connection.on('errorMessage', (error: ServerError) => this.#errorMessage(error))
    connection.on('parameterStatus', (status: ParameterStatus) => this.#parameter(status))
    connection.on('notice', ({ code }: { readonly code?: string }) => this.ledger.noticed(code))
  }

  /**
   * What `pg` is about to report to every pending statement without a code is a lost host, with an outcome: told first,
   * this is what they reject with.
   */
  #socketEnded(cause: Error): void {
    const { connection } = this.native
    const isLeased = this.lease !== undefined && this.#state !== 'closed' && this.#state !== 'connecting'
    // `pg` leaves the socket open when it gives up on a handshake itself, for example over a missing password.
    connection.stream.destroy()
    if (!isLeased || cause instanceof HasqlError) return
    this.#failed(cause)
    connection.emit('error', this.#loss)
  }

  /** An error that ends the session is followed by the end of the socket, but the client may be given back before. */
  #errorMessage(error: ServerError): void {
    // Every error of a server has a SQLSTATE; `pg` makes those up that have none, for messages of no known kind.
    if (error.code === undefined) return this.#violated(violation(error))
    this.ledger.refused(error.code)
    if (this.#state === 'connecting') this.native.connection.stream.destroy()
    else if (endsSession(error)) this.#failed(error)
    else if (this.#state === 'open') this.#guard?.failed(this, error)
  }

  /** Whatever comes next on this connection cannot be understood. */
  #violated(error: Error): void {
    if (this.#state === 'connecting') this.native.connection.stream.destroy(error)
    else this.#failed(error)
  }

  #failed(error: Error): void {
    if (this.#state !== 'open') return
    if (this.lease !== undefined) this.#loss = this.#lossBy(error)
    this.#state = 'broken'
    this.native.connection.stream.destroy()
    this.#guard?.failed(this, error)
  }

  #lossBy(cause: Error): HostLostError {
    const host = this.#guard?.hostId ?? 'The server'
    return new HostLostError(host, this.ledger.outcome(), 'ended the connection while it was leased', { cause })
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

/** Whether a transaction block was open, failed or not, when everything was answered last. */
function isInTransaction(client: GuardedClient): boolean {
  const status = client.getTransactionStatus()
  return status === 'T' || status === 'E'
}
