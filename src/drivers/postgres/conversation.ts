import type { Socket } from 'node:net'
import { Ledger } from '../../driver/ledger.ts'
import { endsSession } from '../../driver/session-end.ts'
import { systemClock } from '../../time/system-clock.ts'
import { toError } from '../../to-error.ts'
import type { NativeConnection, NativeQuery } from './native.ts'
import { SentQueries } from './sent-queries.ts'
import { codedError, errorOf, unsafeTransaction } from './session-error.ts'
import { checkAuthentication } from './start-native.ts'
import type { Fields, WireWitness } from './wire.ts'

/** What a conversation tells of what the server said. */
export interface ConversationEvents {
  /** The server answered a query with an error, and the session goes on. */
  refused(error: Error): void
  hinted(): void
}

/** Parameters whose change means that the server may have another role now (law 11: a hint, never a grant). */
const STANDBY = 'in_hot_standby'
const ROLE_PARAMETERS: ReadonlySet<string> = new Set([STANDBY, 'default_transaction_read_only'])
/** After an error in one of these postgres.js sends a prepared statement once more (its `retryRoutines`). */
const RETRIED: ReadonlySet<string | undefined> = new Set([
  'FetchPreparedStatement',
  'RevalidateCachedQuery',
  'transformAssignedExpr',
])
const SYNC = Buffer.from([83, 0, 0, 0, 4])

/** What was asked on a session and what the server said to it: who is answered next, what is certain of its effects. */
export class Conversation implements WireWitness {
  readonly ledger: Ledger = new Ledger(() => this.isInTransaction)
  readonly sent: SentQueries = new SentQueries()
  /** Whether nothing more can be sent before everything is answered. */
  isFull = false
  isInTransaction = false
  /** Whether statements of several callers share the session, so that none of them may open a transaction. */
  isShared = false
  /** Why the session is to end once the driver has had what came before. */
  fate: Error | undefined
  readonly #events: ConversationEvents
  readonly #parameters = new Map<string, string>()
  #peer: { readonly connection: NativeConnection; readonly socket: Socket } | undefined
  #isSentAgain = false

  constructor(events: ConversationEvents) {
    this.#events = events
  }

  /** Whether the server called itself a standby when it said so last. */
  get isStandby(): boolean | undefined {
    const told = this.#parameters.get(STANDBY)
    return told === undefined ? undefined : told === 'on'
  }

  /** The session is logged in. */
  begin(connection: NativeConnection, socket: Socket): void {
    this.#peer = { connection, socket }
  }

  /** Sends a query behind those that were not answered yet. Not while `isFull`. */
  execute(query: NativeQuery): void {
    const { head } = this.sent
    this.sent.push(query)
    const mayFollow = head === undefined ? this.#peer?.connection.execute(query) : this.#executeBehind(head, query)
    // While data is copied, postgres.js refuses it and sends nothing.
    if (query.state === null) return this.sent.dropLast()
    this.isFull ||= mayFollow !== true
    this.ledger.asked(query.string)
  }

  asksFor(kind: number, body: Buffer): Error | undefined {
    if (this.#peer !== undefined) this.violated()
    return (this.fate ??= checkAuthentication(kind, body))
  }

  completed(tag: string): void {
    this.ledger.completed(tag)
  }

  ready(status: string): boolean {
    this.isInTransaction = status !== 'I'
    if (this.#peer === undefined) return true
    if (this.isShared && this.isInTransaction) {
      this.fate ??= unsafeTransaction()
      return false
    }
    this.ledger.ready(status)
    const query = this.sent.shift()
    if (this.#isSentAgain && query !== undefined) {
      this.sent.push(query)
      this.ledger.asked(query.string)
    }
    this.#isSentAgain = false
    return true
  }

  refused(fields: Fields): boolean {
    const error = errorOf(fields)
    // In what postgres.js asks by itself at first, an error would be an unhandled rejection.
    if (this.#peer === undefined || endsSession(error)) {
      this.fate ??= error
      return false
    }
    this.ledger.refused(fields['C'] ?? '')
    const { head } = this.sent
    if (head === undefined) this.#events.refused(error)
    else this.#refuse(head, fields['R'])
    return true
  }

  noticed(code: string | undefined): void {
    this.ledger.noticed(code)
  }

  suspended(): boolean {
    return this.sent.head?.cursorFn !== undefined
  }

  parameter(name: string, value: string): void {
    if (!ROLE_PARAMETERS.has(name)) return
    const before = this.#parameters.get(name)
    this.#parameters.set(name, value)
    if (before !== undefined && before !== value) this.#events.hinted()
  }

  violated(): void {
    this.fate ??= codedError('08P01', 'The server sent what is not the PostgreSQL protocol')
  }

  /** The very error that the caller is about to get is the one to be told of. */
  #refuse(query: NativeQuery, routine: string | undefined): void {
    this.#isSentAgain = RETRIED.has(routine) && query.prepared === true && query.retried === undefined
    if (this.#isSentAgain) return
    const { reject } = query
    query.reject = (given) => {
      query.reject = reject
      this.#events.refused(toError(given))
      reject(given)
    }
  }

  /**
   * postgres.js takes an error in a query's own parts, an undefined value for example, for one of the query that is being
   * answered, and counts on an answer for what it did not send. Both are put right here.
   */
  #executeBehind(head: NativeQuery, query: NativeQuery): unknown {
    const { reject } = head
    let misfired: unknown
    head.reject = (error) => (misfired = error)
    const mayFollow = this.#peer?.connection.execute(query)
    head.reject = reject
    if (misfired === undefined) return mayFollow
    query.reject(copyOf(misfired))
    // What was sent before is written when this turn ends; the answer to this is the one that is counted on.
    systemClock.afterPendingIo(() => this.#peer?.socket.write(SYNC))
    return false
  }
}

/** postgres.js has put the wrong query's text and values into it. */
function copyOf(error: unknown): Error {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return Object.assign(new Error(toError(error).message), code === undefined ? {} : { code })
}
