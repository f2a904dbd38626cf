import type { BoundLease, DriverConnection, Received } from '../../driver/driver.ts'
import { Ledger } from '../../driver/ledger.ts'
import { HostLostError } from '../../errors.ts'
import type { Outcome } from '../../errors.ts'
import type { ClientGuard, GuardedClient } from './guarded-client.ts'

/** Every statement of ours asks for text; the caller's parsers are for the caller's values. */
const AS_TEXT = { getTypeParser: () => (text: string | Buffer) => text }

/** One physical connection under a client of `pg`, whatever it speaks to the server with. */
export abstract class ClientConnection implements DriverConnection<GuardedClient> {
  readonly native: GuardedClient
  readonly ledger: Ledger
  /** `pg.Pool`'s own release function of the current checkout. */
  giveBackToPool: ((destroy?: boolean) => void) | undefined
  lease: BoundLease | undefined
  protected readonly guard: ClientGuard | undefined
  protected state: 'connecting' | 'open' | 'broken' | 'closed' = 'connecting'
  #loss: Error | undefined

  constructor(native: GuardedClient, guard: ClientGuard | undefined) {
    this.native = native
    this.ledger = new Ledger(() => this.isInTransaction())
    this.guard = guard
    guard?.born(this)
  }

  /** What the holder's statements reject with since the connection died under the lease. */
  get loss(): Error | undefined {
    return this.#loss
  }

  isClosed(): boolean {
    return this.state === 'broken' || this.state === 'closed'
  }

  giveBack(destroy: boolean): void {
    const giveBack = this.giveBackToPool
    this.giveBackToPool = undefined
    // A transaction left open by its holder would swallow the next holder's work.
    giveBack?.(destroy || this.isInTransaction())
  }

  interrupt(cause: Error): void {
    if (this.state === 'closed') return
    if (this.lease !== undefined) this.#loss ??= cause
    this.state = 'broken'
    this.destroySocket(cause)
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
    return this.guard?.mayPassOn === true && !this.isInTransaction()
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    const result = await this.native.query<(string | null)[]>({ text: sql, rowMode: 'array', types: AS_TEXT })
    return result.rows[0] ?? []
  }

  outcome(): Outcome {
    return this.ledger.outcome()
  }

  received(): Received | undefined {
    return this.state === 'open' ? this.readSoFar() : undefined
  }

  /** libpq is not asked for it. */
  isStandby(): boolean | undefined {
    return undefined
  }

  /** What has arrived on it since it was made; undefined where nobody counts. */
  protected abstract readSoFar(): Received | undefined

  statementUnderWay(): number | undefined {
    return this.ledger.underWay
  }

  protected abstract destroySocket(cause?: Error): void

  /** Whether a transaction block was open, failed or not, when everything was answered last. */
  protected isInTransaction(): boolean {
    const status = this.native.getTransactionStatus()
    return status === 'T' || status === 'E'
  }

  /** The connection ended by itself: from here on it can run nothing. */
  protected failed(error: Error): void {
    if (this.state !== 'open') return
    if (this.lease !== undefined) this.#loss = this.#lossBy(error)
    this.state = 'broken'
    this.destroySocket()
    this.guard?.failed(this, error)
  }

  protected gone(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.guard?.gone(this)
  }

  #lossBy(cause: Error): HostLostError {
    const host = this.guard?.hostId ?? 'The server'
    return new HostLostError(host, this.ledger.outcome(), 'ended the connection while it was leased', { cause })
  }
}
