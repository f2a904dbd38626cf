import knex from 'knex'
import type { Knex } from 'knex'
import type { PgConnection } from '../../drivers/pg.ts'
import { OptionsError } from '../../errors.ts'
import type { WaitOptions } from '../../manager/acquire-options.ts'
import type { HostPool } from '../pg/cancel.ts'
import { cancelAtHost } from './cancel.ts'
import { routeOf } from './route.ts'
import type { Builder, Role } from './route.ts'

/** What is used of a pool manager. */
export interface LeasingManager {
  acquireMaster(options?: WaitOptions): Promise<PgConnection>
  acquireReplica(options?: WaitOptions): Promise<PgConnection>
  readonly pools: readonly HostPool[]
}

/** How a connection is given back: made anew for each lease, and not a method. */
type Release = (destroy?: boolean) => void

/** Knex's own class for PostgreSQL, which it hands out by its name only. */
const PgDialect: typeof Knex.Client = dialectOf(knex({ client: 'pg' }).client)

/** The search path that a connection was given last, by whatever Knex. */
const searchPaths = new WeakMap<PgConnection, string>()

/** A class of Knex clients whose connections are leases of `db`. */
export function leasingClient(
  db: LeasingManager,
  fixed: Role | undefined,
  cancelTimeoutMs: number,
): typeof Knex.Client {
  // The clients of transactions are made without a constructor, so nothing private of an instance may be used in them.
  return class HasqlClient extends PgDialect {
    #isDestroyed = false

    constructor(config: Knex.Config) {
      super(refuseConnections(config))
    }

    override async acquireConnection(): Promise<PgConnection> {
      return this.lease(fixed ?? 'master')
    }

    override async releaseConnection(connection: PgConnection): Promise<void> {
      giveBack(connection, releaseOf(connection))
    }

    override runner(builder: Builder): unknown {
      const runner: unknown = super.runner(builder)
      const isInTransaction = Reflect.get(this, 'transacting') === true
      if (!isInTransaction && typeof runner === 'object' && runner !== null) {
        Reflect.set(
          runner,
          'client',
          forOneRun(this, () => this.lease(fixed ?? routeOf(builder))),
        )
      }
      return runner
    }

    override cancelQuery(connection?: PgConnection): unknown {
      return connection === undefined ? undefined : cancelAtHost(connection, db.pools, cancelTimeoutMs)
    }

    override initializePool(): void {
      this.#isDestroyed = false
    }

    override async destroy(callback?: () => void): Promise<void> {
      this.#isDestroyed = true
      callback?.()
    }

    async lease(role: Role): Promise<PgConnection> {
      if (this.#isDestroyed) throw new Error('Unable to acquire a connection: this Knex was destroyed')
      const { acquireConnectionTimeout: timeoutMs } = this.config
      const options = timeoutMs === undefined ? {} : { timeoutMs }
      const connection = await (role === 'replica' ? db.acquireReplica(options) : db.acquireMaster(options))
      return prepare(this, connection)
    }
  }
}

/** A client for one run of a builder: a stream gives its connection back twice, the second time when it may be another's. */
function forOneRun(client: Knex.Client, lease: () => Promise<PgConnection>): unknown {
  let release: Release | undefined
  const acquireConnection = async (): Promise<PgConnection> => {
    const connection = await lease()
    release = releaseOf(connection)
    return connection
  }
  const releaseConnection = async (connection: PgConnection): Promise<void> => {
    const given = release
    release = undefined
    if (given !== undefined) giveBack(connection, given)
  }
  return Object.create(client, {
    acquireConnection: { value: acquireConnection },
    releaseConnection: { value: releaseConnection },
  })
}

function releaseOf({ release }: { readonly release: Release }): Release {
  return release
}

/** Knex marks connections that must not be used again. */
function giveBack(connection: PgConnection, release: Release): void {
  release(Reflect.get(connection, '__knex__disposed') !== undefined)
}

/** What Knex does with a new connection. */
async function prepare(client: Knex.Client, connection: PgConnection): Promise<PgConnection> {
  if (Reflect.get(connection, '__knexUid') === undefined) {
    Reflect.set(
      connection,
      '__knexUid',
      `${connection.host}:${connection.port}#${String(Reflect.get(connection, 'processID'))}`,
    )
  }
  const { searchPath } = client.config
  const path = searchPath === undefined ? undefined : String(searchPath)
  if (path === undefined || searchPaths.get(connection) === path) return connection
  try {
    await setSearchPath(client, connection)
    searchPaths.set(connection, path)
    return connection
  } catch (error) {
    connection.release(true)
    throw error
  }
}

async function setSearchPath(client: Knex.Client, connection: PgConnection): Promise<void> {
  const set: unknown = Reflect.get(client, 'setSchemaSearchPath')
  if (typeof set === 'function') await Reflect.apply(set, client, [connection])
}

function refuseConnections(config: Knex.Config): Knex.Config {
  for (const option of ['connection', 'connectionPool', 'pool'] as const) {
    if (!(option in config) || config[option] === undefined) continue
    const where = option === 'pool' ? 'poolOptions of the pool manager' : 'DSN of the pool manager'
    throw new OptionsError(
      option,
      `With knexConfig, Knex makes no connections: leave '${option}' out, and use the ${where}`,
    )
  }
  return config
}

function dialectOf(client: unknown): typeof Knex.Client {
  const made: unknown = client instanceof knex.Client ? client.constructor : undefined
  if (isDialect(made)) return made
  throw new OptionsError('knex', 'This release of Knex has no class for PostgreSQL: use Knex 3')
}

function isDialect(made: unknown): made is typeof Knex.Client {
  return typeof made === 'function' && made.prototype instanceof knex.Client
}
