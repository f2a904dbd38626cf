import { HasqlError } from '../../errors.ts'
import { textOf } from './text.ts'
import { invoke } from './with-methods.ts'

/** The client of a lease, whose `query` has more overloads than matter here. */
export interface NativeClient {
  getTransactionStatus(): string | null
  release(destroy?: boolean): void
}

/** A leased client as libraries use one: it queries, begins and ends transactions, and releases when it is told to. */
export class BorrowedClient {
  readonly #client: NativeClient
  readonly #begunBy: 'session' | 'pool'
  /** Queries that have not ended, those that wait for their turn included. */
  #pending = 0
  #last: Promise<unknown> = Promise.resolve()
  #isSpoilt = false
  #isReleased = false

  /** `begunBy`: Drizzle never gives a pool's client back whose BEGIN failed, so that is done here. */
  constructor(client: NativeClient, begunBy: 'session' | 'pool') {
    this.#client = client
    this.#begunBy = begunBy
  }

  async query(...args: readonly unknown[]): Promise<unknown> {
    this.#assertOpen()
    const text = textOf(args[0])
    if (BEGIN.test(text)) return this.#begin(args)
    try {
      return await this.#run(args)
    } catch (error) {
      if (!ROLLBACK.test(text)) throw error
      // What went wrong before is what its caller has to hear of, and Drizzle would tell of the rollback instead.
      this.#isSpoilt = true
      return NOTHING
    }
  }

  /** Gives the lease back, once; what was left in an unknown state, or still runs, is closed. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#client.release(this.#isSpoilt || this.#pending > 0)
  }

  async #begin(args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#run(args, () => {
        const status = this.#client.getTransactionStatus()
        if (status === 'T' || status === 'E') throw new HasqlError('ERR_HASQL_SESSION_BUSY', BUSY)
      })
    } catch (error) {
      if (this.#begunBy === 'pool') this.release()
      throw error
    }
  }

  /** One after the other: `pg` is about to stop keeping a queue. */
  async #run(args: readonly unknown[], check?: () => void): Promise<unknown> {
    const turn = this.#last.then(() => {
      this.#assertOpen()
      check?.()
      return invoke(this.#client, 'query', args)
    })
    this.#last = turn.catch(() => undefined)
    this.#pending += 1
    try {
      return await turn
    } finally {
      this.#pending -= 1
    }
  }

  #assertOpen(): void {
    if (this.#isReleased) throw new HasqlError('ERR_HASQL_UNKNOWN_CONNECTION', RELEASED)
  }
}

const BEGIN = /^\s*begin\b/i
const ROLLBACK = /^\s*rollback\b/i
const NOTHING = { command: 'ROLLBACK', rowCount: null, oid: null, rows: [], fields: [] }
const RELEASED = 'The session was closed, or its transaction ended, before this query: create another session'
const BUSY =
  'A transaction of this session is under way: await it first, or use tx.transaction() for one inside the other'
