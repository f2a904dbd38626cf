import type { Received } from '../../driver/driver.ts'
import { endsSession } from '../../driver/session-end.ts'
import { SocketReads } from '../../driver/socket-reads.ts'
import { HasqlError } from '../../errors.ts'
import { ClientConnection } from './client-connection.ts'
import { guardParser, violation } from './guard-parser.ts'
import type { ClientGuard, GuardedClient } from './guarded-client.ts'

/** Parameters whose change means that the server may have another role now (law 11: a hint, never a grant). */
const STANDBY = 'in_hot_standby'
const ROLE_PARAMETERS: ReadonlySet<string> = new Set([STANDBY, 'default_transaction_read_only'])

type ServerError = Error & { readonly code?: string }

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** One physical connection of `pg`. */
export class PgConnection extends ClientConnection {
  readonly #parameters = new Map<string, string>()
  readonly #reads = new SocketReads()

  constructor(native: GuardedClient, guard: ClientGuard | undefined) {
    super(native, guard)
    native.on('error', (error) => this.failed(error))
    native.on('end', () => this.gone())
    this.#listen()
  }

  override isStandby(): boolean | undefined {
    const told = this.#parameters.get(STANDBY)
    return told === undefined ? undefined : told === 'on'
  }

  protected override destroySocket(cause?: Error): void {
    this.native.connection.stream.destroy(cause)
  }

  protected override readSoFar(): Received | undefined {
    return this.#reads.of(this.native.connection.stream)
  }

  /** These listen before `pg` does, which attaches its own listeners when it connects. */
  #listen(): void {
    const { connection } = this.native
    guardParser(connection, {
      completed: (tag) => this.ledger.completed(tag),
      ready: (status) => {
        if (this.state === 'connecting') this.state = 'open'
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
    const isLeased = this.lease !== undefined && this.state !== 'closed' && this.state !== 'connecting'
    // `pg` leaves the socket open when it gives up on a handshake itself, for example over a missing password.
    connection.stream.destroy()
    if (!isLeased || cause instanceof HasqlError) return
    this.failed(cause)
    connection.emit('error', this.loss)
  }

  /** An error that ends the session is followed by the end of the socket, but the client may be given back before. */
  #errorMessage(error: ServerError): void {
    // Every error of a server has a SQLSTATE; `pg` makes those up that have none, for messages of no known kind.
    if (error.code === undefined) return this.#violated(violation(error))
    this.ledger.refused(error.code)
    if (this.state === 'connecting') this.native.connection.stream.destroy()
    else if (endsSession(error)) this.failed(error)
    else if (this.state === 'open') this.guard?.failed(this, error)
  }

  /** Whatever comes next on this connection cannot be understood. */
  #violated(error: Error): void {
    if (this.state === 'connecting') this.native.connection.stream.destroy(error)
    else this.failed(error)
  }

  #parameter({ parameterName, parameterValue }: ParameterStatus): void {
    if (!ROLE_PARAMETERS.has(parameterName)) return
    const before = this.#parameters.get(parameterName)
    this.#parameters.set(parameterName, parameterValue)
    if (before !== undefined && before !== parameterValue) this.guard?.hinted(this)
  }
}
