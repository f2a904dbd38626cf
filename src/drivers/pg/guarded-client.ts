import { Socket } from 'node:net'
import type pg from 'pg'
import { toError } from '../../to-error.ts'
import type { ClientConnection } from './client-connection.ts'
import { PgConnection } from './connection.ts'

/** What a guarded client tells, from its construction to the end of its socket. */
export interface ClientGuard {
  /** `host:port`, for errors. */
  readonly hostId: string
  /** Given to the client, not to `pg.Pool`, which would set a timer for every checkout. */
  readonly connectTimeoutMs: number
  /** Whether connections may go from one lease to the next past `pg.Pool`. */
  readonly mayPassOn: boolean
  /** The TLS settings for a connection that is made now. May throw, which is that connection's error. */
  readSsl(): NonNullable<pg.ClientConfig['ssl']>
  born(connection: ClientConnection): void
  failed(connection: ClientConnection, error: Error): void
  hinted(connection: ClientConnection): void
  gone(connection: ClientConnection): void
}

/** The key under which a guard travels in a client's configuration; a symbol, so that no dump shows it. */
export const guardKey: unique symbol = Symbol('hasql.guard')

/** A `pg` client configuration that carries a guard. */
export interface GuardedConfig extends pg.ClientConfig {
  [guardKey]?: ClientGuard
}

/** `pg.PoolClient` with a listener for errors from its first moment to its last, that `await using` can give back. */
export interface GuardedClient extends pg.Client, AsyncDisposable {
  /** Set by `pg.Pool` at each checkout, then bound to the lease. */
  release: (destroy?: Error | boolean) => void
  /**
   * Gives the lease back that is current when this is read, once. `await using` reads it where the variable is
   * declared, so leaving the scope after an early release never ends somebody else's lease.
   */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** What is used of the `pg` module: the caller's own copy, or the one that is found from here. */
export type PgModule = Pick<typeof pg, 'Client' | 'Pool'>

/** A class of guarded clients, made from one copy of `pg`. */
export interface GuardedClientClass {
  new (config?: GuardedConfig): GuardedClient
  connectionOf(client: pg.Client): ClientConnection | undefined
}

const classes = new WeakMap<PgModule['Client'], GuardedClientClass>()

/** The guarded clients of one copy of `pg`. */
export function guardedClientClass({ Client }: PgModule): GuardedClientClass {
  const known = classes.get(Client)
  if (known !== undefined) return known
  const made = makeGuardedClass(Client, (client, guard) => new PgConnection(client, guard))
  classes.set(Client, made)
  return made
}

/** A class of clients each of which has a connection that `connectionOf` makes when it is constructed. */
export function makeGuardedClass(
  Client: PgModule['Client'],
  connectionOf: (client: GuardedClient, guard: ClientGuard | undefined) => ClientConnection,
): GuardedClientClass {
  class HasqlClient extends Client implements GuardedClient {
    declare release: (destroy?: Error | boolean) => void
    readonly #slot: ClientConnection

    constructor(config?: GuardedConfig) {
      const guard = config?.[guardKey]
      super(guard === undefined ? config : configFor(config, guard))
      this.#slot = connectionOf(this, guard)
      this.once('connect', () => forgetPassword(this))
    }

    static {
      // Every statement passes by here, whoever sends it. A declared override would have to repeat all overloads of `pg`;
      // the original is looked up at each call, since tracing tools replace it.
      Object.defineProperty(HasqlClient.prototype, 'query', {
        configurable: true,
        writable: true,
        value(this: HasqlClient, statement: unknown, values: unknown, callback: unknown): unknown {
          const { loss, ledger } = this.#slot
          // `pg` would say, without a code, that the client "is not queryable".
          if (loss !== undefined && isPromised(statement, values, callback)) return Promise.reject(loss)
          const result = queryOf(Client.prototype).call(this, statement, values, callback)
          if (loss === undefined) ledger.asked(statement)
          return result
        },
      })
    }

    static connectionOf(client: pg.Client): ClientConnection | undefined {
      return client instanceof HasqlClient ? client.#slot : undefined
    }

    get [Symbol.asyncDispose](): () => Promise<void> {
      const lease = this.#slot.lease
      return () => {
        lease?.dispose()
        return Promise.resolve()
      }
    }
  }
  return HasqlClient
}

/** `pg.Pool` hides the password from enumeration, so a copy needs it by name. */
function configFor(config: GuardedConfig | undefined, guard: ClientGuard): pg.ClientConfig {
  const own = { ...config, password: config?.password, connectionTimeoutMillis: guard.connectTimeoutMs }
  try {
    return { ...own, ssl: guard.readSsl() }
  } catch (error) {
    // A constructor that throws would throw in the middle of `pg.Pool`.
    const stream = (): RefusedSocket => new RefusedSocket(toError(error))
    return { ...own, ssl: false, sslnegotiation: 'postgres', stream }
  }
}

/** A socket that connects to nothing, because it is known why that would be in vain. */
class RefusedSocket extends Socket {
  readonly #error: Error

  constructor(error: Error) {
    super()
    this.#error = error
  }

  override connect(): this {
    return this.destroy(this.#error)
  }
}

type AnyQuery = (this: pg.Client, statement: unknown, values: unknown, callback: unknown) => unknown

/** All overloads of `query` as one. */
function queryOf({ query }: { readonly query: AnyQuery }): AnyQuery {
  return query
}

/** Whether the caller of `query` waits for a promise: no callback, and no object that is told of its rows itself. */
function isPromised(statement: unknown, values: unknown, callback: unknown): boolean {
  if (typeof values === 'function' || callback !== undefined) return false
  return typeof statement !== 'object' || statement === null || !('submit' in statement || 'callback' in statement)
}

/** What let the client in is of no use any more, and must not be found by whoever dumps the client. */
function forgetPassword(client: pg.Client): void {
  const parameters: unknown = Reflect.get(client, 'connectionParameters')
  for (const holder of [client, parameters]) {
    if (typeof holder === 'object' && holder !== null) Reflect.set(holder, 'password', undefined)
  }
}
