import { EventEmitter } from 'node:events'
import type { PgConnection, PgPoolOptions } from '../../drivers/pg.ts'
import { OptionsError } from '../../errors.ts'
import type { SetupStatements } from './setup-statements.ts'

/** What is used of a pool manager. */
export interface LeasingManager {
  acquireMaster(): Promise<PgConnection>
  acquireReplica(): Promise<PgConnection>
  readonly pools: readonly HostPool[]
  getMasterPools(): readonly HostPool[]
  getReplicaPools(options?: { readonly fallbackMaster?: boolean }): readonly HostPool[]
  readonly dsn: { readonly hosts: readonly [{ readonly database: string }, ...unknown[]] }
}

/** The `pg.Pool` of a host. */
export interface HostPool {
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined; readonly max: number }
}

/** What Sequelize makes of its options: the role travels in the host. */
export interface ClientConfig {
  readonly host?: string
  readonly types?: NonNullable<PgPoolOptions['types']>
}

export const MASTER = 'hasql-master'
export const REPLICA = 'hasql-replica'

/** What is listened to while a lease lasts. */
const HEARD = ['notice', 'notification', 'error'] as const

type Done = (error: unknown, result?: unknown) => void

/** Where the clients of one Sequelize get their connections. */
export interface ClientSource {
  readonly db: LeasingManager
  readonly setup: SetupStatements
}

/**
 * To Sequelize a `pg.Client` that it makes, connects and ends; really a lease that is taken by `connect` and given back by `end`.
 *
 * It emits no errors: what runs rejects, and `_invalid` keeps Sequelize from using a lost connection again. Errors would have
 * Sequelize destroy connections it has not put into its pool yet, which throws.
 */
export class LeasedClient extends EventEmitter {
  /** Where Sequelize listens for parameters of a session that begins; a leased one began long before. */
  readonly connection: EventEmitter = new EventEmitter()
  _ending = false
  readonly #source: ClientSource
  readonly #isMaster: boolean
  readonly #types: ClientConfig['types']
  #client: PgConnection | undefined
  #isMarked = false
  readonly #forward = {
    notice: (message: unknown): unknown => this.emit('notice', message),
    notification: (message: unknown): unknown => this.emit('notification', message),
    error: (): unknown => (this.#isMarked = true),
  }

  constructor(source: ClientSource, config: ClientConfig) {
    super()
    if (config.host !== MASTER && config.host !== REPLICA) {
      throw new OptionsError('replication', 'With hasql, the hosts are the pool manager’s: leave replication to it')
    }
    this.#source = source
    this.#isMaster = config.host === MASTER
    this.#types = config.types
  }

  /** Read by Sequelize before it uses a client again, and set when it must not. */
  get _invalid(): boolean {
    return this.#isMarked || !this.#hasRole()
  }

  set _invalid(isMarked: boolean) {
    this.#isMarked ||= isMarked
  }

  connect(callback?: Done): Promise<void> | undefined {
    return settle(this.#lease(), callback)
  }

  query(statement: unknown, values?: unknown, callback?: unknown): unknown {
    const client = this.#client
    const done = asDone(typeof values === 'function' ? values : callback)
    if (client === undefined) return settle(Promise.reject(new Error('The connection was given back')), done)
    if (typeof statement !== 'string') return Reflect.apply(queryOf(client), client, [statement, values, callback])
    const parameters = Array.isArray(values) ? values : undefined
    return settle(this.#ask(client, statement, parameters, done === undefined), done)
  }

  end(callback?: Done): Promise<void> | undefined {
    this._ending = true
    this.#giveBack(this.#isMarked)
    return settle(Promise.resolve(), callback)
  }

  async #lease(): Promise<void> {
    const { db } = this.#source
    const client = await (this.#isMaster ? db.acquireMaster() : db.acquireReplica())
    this.#client = client
    for (const event of HEARD) client.on(event, this.#forward[event])
    if (this._ending) {
      this.#giveBack(false)
      throw new Error('The connection was ended before it was made')
    }
  }

  #giveBack(destroy: boolean): void {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    for (const event of HEARD) client.off(event, this.#forward[event])
    client.release(destroy)
  }

  async #ask(client: PgConnection, text: string, values: unknown[] | undefined, isPromised: boolean): Promise<unknown> {
    const { setup } = this.#source
    // What Sequelize waits for as a promise belongs to making a connection.
    const isSetup = isPromised && values === undefined && setup.includes(text)
    const known = isSetup ? setup.answer(client, text) : undefined
    if (known !== undefined) return known
    const types = this.#types === undefined ? {} : { types: this.#types }
    try {
      const result = await client.query({ text, ...(values === undefined ? {} : { values }), ...types })
      setup.answered(client, text, result)
      return result
    } catch (error) {
      // Sequelize forgets a connection that it could not set up.
      if (isSetup) this.#giveBack(true)
      throw error
    }
  }

  /** Whether the host still is what the lease was taken for; the master will do for reads while there is no replica. */
  #hasRole(): boolean {
    const client = this.#client
    if (client === undefined) return false
    const { db } = this.#source
    const pools = this.#isMaster ? db.getMasterPools() : db.getReplicaPools({ fallbackMaster: true })
    return pools.some(({ options }) => options.host === client.host && options.port === client.port)
  }
}

/** Answers as `pg` does: by callback, in a turn of its own, or else by promise. */
function settle<T>(outcome: Promise<T>, callback: Done | undefined): Promise<T> | undefined {
  if (callback === undefined) return outcome
  outcome.then(
    (result) => process.nextTick(callback, undefined, result),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}

function asDone(given: unknown): Done | undefined {
  return isDone(given) ? given : undefined
}

function isDone(given: unknown): given is Done {
  return typeof given === 'function'
}

type AnyQuery = (this: PgConnection, statement: unknown, values: unknown, callback: unknown) => unknown

/** All overloads of `query` as one. */
function queryOf({ query }: { readonly query: AnyQuery }): AnyQuery {
  return query
}
