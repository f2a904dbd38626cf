import type { DriverClientEventEmitter, DriverQueryResult } from 'slonik'
import { HasqlError, OptionsError } from '../../errors.ts'
import type { LeaseSource, Role } from '../kysely/leases.ts'
import type { CursorClass, ExtendedStatement, Held, SlonikClient } from './leased-client.ts'
import type { NamedParsers } from './named-parsers.ts'
import { resultOf } from './result.ts'
import { RowStream } from './row-stream.ts'
import { slonikError } from './server-error.ts'

/** What all connections of one of Slonik's pools have in common. */
export interface SlotRules {
  readonly source: LeaseSource<SlonikClient>
  readonly role: Role
  readonly types: NamedParsers
  readonly cursor: CursorClass | undefined
  /** Whether Slonik resets connections, so that one that it did not reset is closed. */
  readonly isReset: boolean
}

/**
 * What Slonik takes for a connection: a place in its pool that has a lease from its first statement on until Slonik releases it.
 * Between two uses it holds nothing that a failover could make stale.
 */
export class Slot {
  readonly #rules: SlotRules
  readonly #events: DriverClientEventEmitter
  #leasing: Promise<Held> | undefined
  #held: Held | undefined
  #isEnded = false

  constructor(rules: SlotRules, events: DriverClientEventEmitter) {
    this.#rules = rules
    this.#events = events
    events.on('release', () => this.#giveBack(false))
  }

  async query(
    sql: string,
    values: unknown[] = [],
    options: { readonly name?: string } = {},
  ): Promise<DriverQueryResult> {
    try {
      const held = await this.#lease()
      const statement: ExtendedStatement = { text: sql, values, types: held.types, queryMode: 'extended', ...options }
      return resultOf(await run(held, () => held.client.query<Record<string, unknown>>(statement)))
    } catch (error) {
      if (sql !== ROLLBACK || this.#held === undefined) throw slonikError(error, sql)
      // Closing the connection rolls back as well, and what went wrong before is what the caller is to hear of.
      this.#held.isSpoilt = true
      return resultOf({ command: ROLLBACK, rowCount: null, rows: [], fields: [] })
    }
  }

  stream(sql: string, values: unknown[] = []): RowStream {
    const { cursor: CursorClass, source } = this.#rules
    if (CursorClass === undefined) {
      throw new OptionsError('cursor', "Streams need pg-cursor: import Cursor from 'pg-cursor' and give it as 'cursor'")
    }
    return new RowStream({
      sql,
      lease: () => this.#lease(),
      open: ({ client, types }) => client.query(new CursorClass(sql, values, { types })),
      cancel: (held) => {
        // The request may arrive late; it must not end what the next holder runs.
        held.isSpoilt = true
        void source.cancel(held.client)
      },
    })
  }

  /** Slonik does not reset what it ends: after an error in a handler, or with its pool. */
  end(): void {
    this.#isEnded = true
    this.#giveBack(this.#rules.isReset)
  }

  /** A connection that dies is never replaced by another one while Slonik, or a transaction, is at it. */
  #lease(): Promise<Held> {
    this.#leasing ??= this.#open()
    return this.#leasing
  }

  async #open(): Promise<Held> {
    const { source, role, types } = this.#rules
    try {
      const client = await source.lease(role, undefined)
      const held: Held = { client, types: types.of(client), running: 0, isSpoilt: false }
      this.#held = held
      client.on('error', this.#failed)
      client.on('notice', this.#noticed)
      if (this.#isEnded) throw new HasqlError('ERR_HASQL_UNKNOWN_CONNECTION', GIVEN_UP)
      await run(held, () => types.learn(client))
      return held
    } catch (error) {
      this.#giveBack(false)
      throw error
    }
  }

  #giveBack(isUnsafe: boolean): void {
    const held = this.#held
    this.#held = undefined
    this.#leasing = undefined
    if (held === undefined) return
    const { client, running, isSpoilt } = held
    client.off('error', this.#failed)
    client.off('notice', this.#noticed)
    client.release(isUnsafe || isSpoilt || running > 0)
  }

  readonly #failed = (error: Error): void => {
    this.#events.emit('error', slonikError(error))
  }

  readonly #noticed = ({ message }: { readonly message?: string | undefined }): void => {
    if (message !== undefined) this.#events.emit('notice', { message })
  }
}

/** Slonik's own words. */
const ROLLBACK = 'ROLLBACK'
const GIVEN_UP =
  'The query was given up, or its pool ended, before there was a connection: end a pool after its queries'

async function run<T>(held: Held, work: () => Promise<T>): Promise<T> {
  held.running += 1
  try {
    return await work()
  } finally {
    held.running -= 1
  }
}
