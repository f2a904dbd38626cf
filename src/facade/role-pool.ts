import type pg from 'pg'
import { controlClientClass } from './control-client.ts'
import type { ControlPlaces } from './control-client.ts'
import { RoleLeases } from './role-leases.ts'
import type { Connected } from './role-leases.ts'
import type { RoleSource } from './role-source.ts'

type PoolClass = typeof pg.Pool
/** The copy of `pg` that the pool, its clients and its control clients are made from. */
export type RoleModule = Pick<typeof pg, 'Client' | 'Pool'>
type RolePoolClass = new (source: RoleSource) => pg.Pool
/** One class for each copy of `pg`: libraries ask whether a pool is an instance of their own copy's `Pool`. */
const classes = new WeakMap<PoolClass, RolePoolClass>()

/** A `pg.Pool` whose connections are leased from the hosts that have a role; queries go the way of `pg.Pool` itself. */
export function rolePool({ Pool, Client }: RoleModule, source: RoleSource): pg.Pool {
  const known = classes.get(Pool) ?? makeClass(Pool, Client)
  classes.set(Pool, known)
  return new known(source)
}

function makeClass(Pool: PoolClass, Client: RoleModule['Client']): RolePoolClass {
  return class HasqlPool extends Pool {
    readonly #leases: RoleLeases

    constructor(source: RoleSource) {
      super(source.config)
      this.#leases = new RoleLeases(this, source)
      showHost(this.options, source)
      Reflect.set(this, 'Client', controlClientClass(Client, placesOf(source, this.#leases)))
      showCounts(this, this.#leases)
    }

    override connect(): Promise<pg.PoolClient>
    override connect(callback: Connected): void
    override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
      if (callback === undefined) return this.#connect()
      if (this.ending) process.nextTick(callback, new Error(CONNECT_AFTER_END), undefined, () => undefined)
      else this.#leases.take(callback)
      return undefined
    }

    #connect(): Promise<pg.PoolClient> {
      if (this.ending) return Promise.reject(new Error(CONNECT_AFTER_END))
      return new Promise((resolve, reject) => {
        this.#leases.take((error, client) => {
          if (client !== undefined) resolve(client)
          else reject(error ?? new Error(CONNECT_AFTER_END))
        })
      })
    }

    override end(): Promise<void>
    override end(callback: () => void): void
    override end(callback?: (error?: Error) => void): Promise<void> | undefined {
      const ended = this.ending ? Promise.reject(new Error(ENDED_TWICE)) : this.#end()
      if (callback === undefined) return ended
      ended.then(
        () => process.nextTick(callback),
        (error: unknown) => process.nextTick(callback, error),
      )
      return undefined
    }

    #end(): Promise<void> {
      // At once: some libraries look at it while they are being told to end.
      Reflect.set(this, 'ending', true)
      return new Promise((resolve) => {
        this.#leases.onDrained(() => {
          Reflect.set(this, 'ended', true)
          resolve()
        })
      })
    }
  }
}

const CONNECT_AFTER_END = 'Cannot use a pool after calling end on the pool'
const ENDED_TWICE = 'Called end on pool more than once'

function placesOf(source: RoleSource, leases: RoleLeases): ControlPlaces {
  return {
    roleHost: () => source.pools()[0]?.options,
    hostOfBackend: (pid) => {
      const client = leases.clientOfBackend(pid)
      return client === undefined ? undefined : source.poolOf(client)?.options
    },
  }
}

/** Where the role is now; whoever connects there by the options finds what the pool itself would. */
function showHost(options: pg.PoolOptions, source: RoleSource): void {
  for (const key of ['host', 'port'] as const) {
    const get = (): unknown => source.pools()[0]?.options[key] ?? source.config[key]
    Object.defineProperty(options, key, { get, enumerable: true, configurable: true })
  }
}

/** `pg` declares these as properties, so a subclass cannot declare accessors; they are accessors in `pg` too. */
function showCounts(pool: pg.Pool, leases: RoleLeases): void {
  for (const what of ['totalCount', 'idleCount', 'expiredCount'] as const) {
    Object.defineProperty(pool, what, { get: () => leases.sum(what), configurable: true })
  }
  Object.defineProperty(pool, 'waitingCount', { get: () => leases.waiting, configurable: true })
}
