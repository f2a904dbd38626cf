import type pg from 'pg'
import type { DriverConnection, DriverPool, DriverPoolHooks, PoolOptions } from '../../driver/driver.ts'
import type { HostSpec } from '../../dsn/host-spec.ts'
import type { PgPoolOptions, TlsChoice } from './config.ts'
import { clientConfig } from './config.ts'
import type { ClientConnection } from './client-connection.ts'
import { guardKey } from './guarded-client.ts'
import type { ClientGuard, GuardedClient, GuardedClientClass, GuardedConfig, PgModule } from './guarded-client.ts'

type Done = (error: unknown, connection: DriverConnection<GuardedClient> | undefined) => void

/** What a pool is made of: `pg.Pool`, and a class of guarded clients for it. */
export interface PoolClasses {
  readonly Pool: PgModule['Pool']
  readonly Client: GuardedClientClass
}

/** A `pg.Pool` for one host. */
export class PgPool implements DriverPool<GuardedClient, pg.Pool> {
  readonly native: pg.Pool
  readonly #kept: DriverPoolHooks<GuardedClient>['kept']
  readonly #tls: TlsChoice
  readonly #Client: GuardedClientClass
  readonly #open = new Set<ClientConnection>()
  #allClosed: (() => void) | undefined
  /** Whether it is hasql itself that asks the pool for a connection. */
  #isAsking = false

  constructor(
    { Pool, Client }: PoolClasses,
    spec: HostSpec,
    given: PgPoolOptions,
    options: PoolOptions,
    tls: TlsChoice,
    hooks: DriverPoolHooks<GuardedClient>,
  ) {
    this.#tls = tls
    this.#kept = hooks.kept
    this.#Client = Client
    const config: pg.PoolConfig & GuardedConfig = {
      ...clientConfig(spec, given, tls.ssl, options.lookup),
      Client,
      allowExitOnIdle: options.allowExitOnIdle,
      [guardKey]: this.#guard(spec.hostId, options.connectTimeoutMs, !looksAtReturns(given), hooks),
    }
    this.native = new Pool(config)
    this.#showKept(Pool.prototype)
    // What was learnt of the host holds for the next connection, whoever makes it by these options.
    Object.defineProperty(this.native.options, 'ssl', { get: () => tls.ssl, enumerable: true, configurable: true })
    // Every client's errors are heard by its guard; the pool repeats those of idle ones.
    this.native.on('error', () => undefined)
  }

  get capacity(): number {
    return this.native.options.max
  }

  get minimum(): number {
    return this.native.options.min ?? 0
  }

  /** Unless somebody listens to the pool: tracing tools count its connections by what it tells. */
  get isBypassed(): boolean {
    return this.native.listenerCount('acquire') === 0 && this.native.listenerCount('release') === 0
  }

  get idle(): number {
    return this.native.idleCount - this.#kept.length
  }

  checkOut(done: Done): void {
    const { kind } = this.#tls
    this.#isAsking = true
    this.native.connect((error, client, giveBack) => {
      const connection = client === undefined ? undefined : this.#Client.connectionOf(client)
      if (connection !== undefined) {
        connection.giveBackToPool = giveBack
        done(undefined, connection)
      } else if (this.#tls.fallBack(error, kind)) {
        this.checkOut(done)
      } else {
        done(error, undefined)
      }
    })
    this.#isAsking = false
  }

  async close(): Promise<void> {
    // It settles only when the holders of connections checked out past us are done; their sockets are what counts.
    this.native.end().catch(() => undefined)
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      this.#allClosed = resolve
    })
  }

  /** Who takes connections from the pool itself must find those that are kept back. */
  #showKept(prototype: pg.Pool): void {
    const kept = this.#kept
    const isOurs = (): boolean => this.#isAsking
    Object.defineProperties(this.native, {
      // Looked up at each call, since tracing tools replace it.
      connect: {
        value(this: pg.Pool, done: unknown): unknown {
          if (!isOurs()) kept.clear()
          return connectOf(prototype).call(this, done)
        },
        configurable: true,
        writable: true,
      },
      idleCount: {
        get(this: pg.Pool): number {
          return Reflect.get(prototype, 'idleCount', this) + kept.length
        },
        configurable: true,
      },
    })
  }

  #tell(error: Error, client: GuardedClient): void {
    this.native.emit('error', Object.assign(error, { client }), client)
  }

  #guard(
    hostId: string,
    connectTimeoutMs: number,
    mayPassOn: boolean,
    hooks: DriverPoolHooks<GuardedClient>,
  ): ClientGuard {
    return {
      hostId,
      connectTimeoutMs,
      mayPassOn,
      readSsl: () => this.#tls.read(),
      born: (connection) => {
        this.#open.add(connection)
        hooks.born(connection)
      },
      failed: (connection, error) => {
        hooks.failed(connection, error)
        // As the pool itself tells of the idle clients that it knows of.
        if (connection.isClosed() && this.#kept.has(connection)) this.#tell(error, connection.native)
      },
      hinted: (connection) => hooks.hinted(connection),
      gone: (connection) => {
        this.#open.delete(connection)
        hooks.gone(connection)
        if (this.#open.size === 0) this.#allClosed?.()
      },
    }
  }
}

type Connect = (this: pg.Pool, done: unknown) => unknown

/** All overloads of `connect` as one. */
function connectOf({ connect }: { readonly connect: Connect }): Connect {
  return connect
}

/** Whether `pg.Pool` counts or times the uses of a connection, so that each return must reach it. */
function looksAtReturns({ maxUses = Infinity, maxLifetimeSeconds = 0 }: PgPoolOptions): boolean {
  return maxUses < Infinity || maxLifetimeSeconds > 0
}
