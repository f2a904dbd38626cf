import type { BoundLease, DriverConnection, Received } from '../../driver/driver.ts'
import { retiresConnection } from '../../driver/session-end.ts'
import { HasqlError, HostLostError, UnknownConnectionError } from '../../errors.ts'
import type { Outcome } from '../../errors.ts'
import { callOff } from './call-off.ts'
import { sharedLoss } from './loss.ts'
import { classifyPostgresError } from './classify.ts'
import type { LeasedSeat } from './leased-sql.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { firstRow } from './first-row.ts'
import { leasedSql } from './leased-sql.ts'
import type { NativeQuery, NativeSql } from './native.ts'
import { Session } from './session.ts'
import type { SessionEvents, SessionPlan } from './session.ts'
import { SlotState } from './slot-state.ts'
import { say, transact } from './transaction.ts'
import type { TransactionSeat, Work } from './transaction.ts'

/** The pool that a slot is part of. */
export interface SlotOwner {
  readonly template: NativeSql
  /** Whether connections that nobody uses let the process end. */
  readonly letsExit: boolean
  failed(slot: Slot, error: Error): void
  hinted(slot: Slot): void
  setAside(slot: Slot): void
  gone(slot: Slot): void
  /** It was given back, by whoever checked it out. */
  returned(slot: Slot, destroy: boolean): void
  /** What was shared of it is answered: it is idle. */
  freed(slot: Slot): void
}

const slots = new WeakMap<PostgresConnection, Slot>()

/** One connection of a host's pool: leased to one caller, or shared by the statements of many, or idle. */
export class Slot
  extends SlotState
  implements DriverConnection<PostgresConnection>, SessionEvents, LeasedSeat, TransactionSeat
{
  readonly native: PostgresConnection
  readonly template: NativeSql
  readonly session: Session
  readonly #canceller = (query: NativeQuery): void => this.cancel(query)
  #onLoss: ((loss: Error) => void) | undefined
  #isInBlock = false
  readonly #owner: SlotOwner
  #loss: Error | undefined

  constructor(owner: SlotOwner, planFor: (slot: Slot) => SessionPlan) {
    super(owner.letsExit)
    this.#owner = owner
    this.template = owner.template
    this.session = new Session(planFor(this), this)
    this.native = leasedSql(this)
    slots.set(this.native, this)
  }

  /** The slot of a connection as callers have it. @throws {UnknownConnectionError} it is none of this driver's. */
  static of(connection: PostgresConnection): Slot {
    const slot = slots.get(connection)
    if (slot === undefined) throw new UnknownConnectionError('foreign')
    return slot
  }

  /** Sends a query for whoever has the connection to himself. */
  run(query: NativeQuery): void {
    if (this.#loss !== undefined) query.reject(this.#loss)
    else if (this.lease === undefined) query.reject(new UnknownConnectionError('released'))
    else if (this.session.talk.isFull) this.queue.push(query)
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
    const place = this.queue.indexOf(query)
    if (place >= 0) this.queue.splice(place, 1)
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

  /** Runs one statement of hasql's own for who has the connection to himself. */
  say(text: string): Promise<unknown> {
    return say(this, text)
  }

  /** Has the pool hold one more than it may, for as long as this one is leased. */
  setAside(): void {
    this.#owner.setAside(this)
  }

  watchLoss(lost: (error: Error) => void): () => void {
    this.#onLoss = lost
    return () => (this.#onLoss = undefined)
  }

  giveBack(destroy: boolean): void {
    this.lease = undefined
    this.#owner.returned(this, destroy || this.session.talk.isInTransaction)
  }

  interrupt(cause: Error): void {
    if (this.lease !== undefined) this.#loss ??= cause
    for (const query of this.queue.splice(0)) query.reject(cause)
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

  isStandby(): boolean | undefined {
    return this.session.talk.isStandby
  }

  received(): Received | undefined {
    return this.session.received()
  }

  statementUnderWay(): number | undefined {
    return this.session.talk.ledger.underWay
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    return firstRow(this.template, sql, (query) => this.run(query))
  }

  drained(): void {
    const { talk } = this.session
    while (this.queue.length > 0 && !talk.isFull) {
      const next = this.queue.shift()
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
