import type { BoundLease, DriverConnection } from '../../driver/driver.ts'
import { retiresConnection } from '../../driver/session-end.ts'
import { HasqlError, HostLostError, UnknownConnectionError } from '../../errors.ts'
import type { Outcome } from '../../errors.ts'
import { callOff } from './call-off.ts'
import { sharedLoss } from './loss.ts'
import { classifyPostgresError } from './classify.ts'
import type { LeasedSeat, PostgresConnection } from './leased-sql.ts'
import { firstRow } from './first-row.ts'
import { leasedSql } from './leased-sql.ts'
import type { NativeQuery, NativeSql } from './native.ts'
import { Session } from './session.ts'
import type { SessionEvents, SessionPlan } from './session.ts'
import { transact } from './transaction.ts'
import type { TransactionSeat, Work } from './transaction.ts'

/** The pool that a slot is part of. */
export interface SlotOwner {
  readonly template: NativeSql
  /** Whether connections that nobody uses let the process end. */
  readonly letsExit: boolean
  failed(slot: Slot, error: Error): void
  hinted(slot: Slot): void
  gone(slot: Slot): void
  /** It was given back, by whoever checked it out. */
  returned(slot: Slot, destroy: boolean): void
  /** What was shared of it is answered: it is idle. */
  freed(slot: Slot): void
}

/** One connection of a host's pool: leased to one caller, or shared by the statements of many, or idle. */
export class Slot implements DriverConnection<PostgresConnection>, SessionEvents, LeasedSeat, TransactionSeat {
  readonly native: PostgresConnection
  readonly template: NativeSql
  readonly session: Session
  lease: BoundLease | undefined
  /** Whether somebody has it to himself, or it is on its way there. */
  isTaken = true
  /** Whether it is to be closed as soon as nothing runs on it. */
  isDoomed = false
  /** Whether it gets no more statements of others, because somebody wants it to himself. */
  isDraining = false
  /** Called once, when everything that the holder sent was answered. */
  onDone: (() => void) | undefined
  readonly #canceller = (query: NativeQuery): void => this.cancel(query)
  #onLoss: ((loss: Error) => void) | undefined
  #isInBlock = false
  onNotice: ((channel: string, payload: string) => void) | undefined
  readonly #owner: SlotOwner
  readonly #queue: NativeQuery[] = []
  #loss: Error | undefined

  constructor(owner: SlotOwner, planFor: (slot: Slot) => SessionPlan) {
    this.#owner = owner
    this.template = owner.template
    this.session = new Session(planFor(this), this)
    this.native = leasedSql(this)
  }

  /** Statements under way. */
  get pending(): number {
    return this.session.talk.sent.length + this.#queue.length
  }

  /** Whether a statement of one of many may be sent behind those that run on it. */
  get isShareable(): boolean {
    return (
      !this.isTaken && !this.isDraining && !this.isDoomed && !this.session.talk.isFull && this.session.state === 'open'
    )
  }

  /** It is idle from now on. */
  rest(): void {
    if (this.#owner.letsExit) this.session.hold('nothing')
  }

  /** It is used from now on. */
  wake(): void {
    if (this.#owner.letsExit) this.session.hold('process')
  }

  /** Sends a query for whoever has the connection to himself. */
  run(query: NativeQuery): void {
    if (this.#loss !== undefined) query.reject(this.#loss)
    else if (this.lease === undefined) query.reject(new UnknownConnectionError('released'))
    else if (this.session.talk.isFull) this.#queue.push(query)
    else this.session.talk.execute(query)
  }

  /** Sends a query of one of many. */
  share(query: NativeQuery): void {
    query.canceller = this.#canceller
    this.session.talk.isShared = true
    this.session.talk.execute(query)
  }

  cancel(query: NativeQuery): void {
    if (query.state !== null) return this.session.cancel(query)
    const place = this.#queue.indexOf(query)
    if (place >= 0) this.#queue.splice(place, 1)
    callOff(query)
  }

  /** `begin` of postgres.js, on this connection. */
  async begin(options: string, work: Work): Promise<unknown> {
    if (this.#isInBlock)
      throw new HasqlError('ERR_HASQL_SESSION_BUSY', 'A transaction is open on this connection: use its savepoint')
    this.#isInBlock = true
    try {
      return await transact(this, options, work)
    } finally {
      this.#isInBlock = false
    }
  }

  watchLoss(lost: (error: Error) => void): () => void {
    this.#onLoss = lost
    return () => (this.#onLoss = undefined)
  }

  isClosed(): boolean {
    return this.session.state === 'broken' || this.session.state === 'closed'
  }

  giveBack(destroy: boolean): void {
    this.lease = undefined
    this.#owner.returned(this, destroy || this.session.talk.isInTransaction)
  }

  interrupt(cause: Error): void {
    if (this.lease !== undefined) this.#loss ??= cause
    for (const query of this.#queue.splice(0)) query.reject(cause)
    this.session.interrupt((query) => this.#loss ?? sharedLoss(this.session.plan.spec.hostId, query, cause))
    if (this.#loss !== undefined) this.#onLoss?.(this.#loss)
  }

  bind(lease: BoundLease): void {
    this.lease = lease
    this.session.talk.isShared = false
    this.session.talk.ledger.begin()
    this.native.release = () => lease.release(false)
  }

  outcome(): Outcome {
    return this.session.talk.ledger.outcome()
  }

  canPassOn(): boolean {
    return !this.isDoomed && this.pending === 0 && !this.session.talk.isInTransaction
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    return firstRow(this.template, sql, (query) => this.run(query))
  }

  drained(): void {
    const { talk } = this.session
    while (this.#queue.length > 0 && !talk.isFull) {
      const next = this.#queue.shift()
      if (next !== undefined) talk.execute(next)
    }
    if (this.pending > 0) return
    if (!this.isTaken) return this.#owner.freed(this)
    const { onDone } = this
    this.onDone = undefined
    onDone?.()
  }

  refused(error: Error): void {
    if (this.lease === undefined) this.isDoomed ||= retiresConnection(error, classifyPostgresError(error, 'session'))
    this.#owner.failed(this, error)
  }

  lost(cause: Error): void {
    const { hostId } = this.session.plan.spec
    if (this.lease !== undefined) {
      this.#loss = new HostLostError(hostId, this.outcome(), 'ended the connection while it was leased', { cause })
    }
    this.interrupt(cause)
    this.#owner.failed(this, cause)
  }

  hinted(): void {
    this.#owner.hinted(this)
  }

  gone(): void {
    this.#owner.gone(this)
  }
}
