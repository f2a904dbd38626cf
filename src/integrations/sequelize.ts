import { OptionsError } from '../errors.ts'
import { objectOf } from '../manager/check-option.ts'
import { LeasedClient, MASTER, REPLICA } from './sequelize/leased-client.ts'
import type { ClientConfig, LeasingManager } from './sequelize/leased-client.ts'
import { SetupStatements } from './sequelize/setup-statements.ts'

export type { LeasingManager } from './sequelize/leased-client.ts'

/** What Sequelize takes of the `pg` module beside its clients. */
export interface PgTypes {
  readonly Client: unknown
  readonly types: unknown
}

/** Sequelize's pools hold a connection for the length of one query or transaction: between them, the manager's pools keep it. */
export interface SequelizePool {
  readonly max: number
  readonly min: number
  readonly maxUses: number
  readonly idle: number
  readonly evict: number
}

/** Where Sequelize connects to: names that stand for the roles. */
export interface SequelizeReplication {
  readonly write: { host: string; database: string }
  readonly read: { host: string; database: string }[]
}

/** The part of the options of Sequelize 6 that `sequelizeOptions` makes. */
export interface SequelizePart {
  readonly dialect: 'postgres'
  readonly dialectModule: object
  readonly database: string
  readonly replication: SequelizeReplication
  readonly pool: SequelizePool
}

/** The part of the options of Sequelize 7 that `sequelize7Options` makes. */
export interface Sequelize7Part<TPg> {
  readonly pgModule: TPg
  readonly replication: SequelizeReplication
  readonly pool: SequelizePool
}

/** Sequelize's pools make a connection too many now and then. Who comes meanwhile gets it; else it goes back after this time. */
const IDLE_MS = 50

/**
 * The part of the options of Sequelize 6 that makes every connection a lease of a pool manager.
 *
 * ```ts
 * import pg from 'pg'
 *
 * const sequelize = new Sequelize(sequelizeOptions(db, pg))
 * const order = await Order.create({ item: 'tea' })                      // the master
 * const orders = await Order.findAll()                                   // a replica
 * const fresh = await Order.findByPk(order.id, { useMaster: true })      // the master
 * ```
 * Sequelize decides what is a read: a query of type SELECT outside of transactions. A lease lasts for one query or transaction.
 * Other pool settings: `pool: { ...sequelizeOptions(db, pg).pool, acquire: 10_000 }`. What `dialectOptions` say of connections
 * has no effect; say it in the DSN or in `poolOptions`. `sequelize.close()` leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, or `pg` is not the `pg` module.
 */
export function sequelizeOptions(db: LeasingManager, pg: PgTypes): SequelizePart {
  const { pgModule, ...rest } = sequelize7Options(db, pg)
  return { dialect: 'postgres', dialectModule: pgModule, database: rest.replication.write.database, ...rest }
}

/**
 * `sequelizeOptions` for Sequelize 7 (`@sequelize/core` and `@sequelize/postgres`).
 *
 * ```ts
 * const sequelize = new Sequelize({ dialect: PostgresDialect, ...sequelize7Options(db, pg) })
 * ```
 * @throws {OptionsError} `db` is no pool manager, or `pg` is not the `pg` module.
 */
export function sequelize7Options<TPg extends PgTypes>(db: LeasingManager, pg: TPg): Sequelize7Part<TPg> {
  if (typeof objectOf('sequelizeOptions', db).acquireMaster !== 'function') {
    throw new OptionsError('db', "sequelizeOptions takes the pool manager first: new PoolManager(dsn) of 'hasql/pg'")
  }
  const { Client, types } = objectOf('pg', pg)
  if (typeof Client !== 'function' || typeof types !== 'object') {
    throw new OptionsError('pg', "sequelizeOptions takes the pg module second: import pg from 'pg'")
  }
  const [{ database }] = db.dsn.hosts
  const max = db.pools.reduce((sum, { options }) => sum + options.max, 0)
  return {
    pgModule: withClient(pg, clientClass(db)),
    replication: { write: { host: MASTER, database }, read: [{ host: REPLICA, database }] },
    pool: { max, min: 0, maxUses: 1, idle: IDLE_MS, evict: IDLE_MS },
  }
}

function clientClass(db: LeasingManager): new (config: ClientConfig) => LeasedClient {
  const source = { db, setup: new SetupStatements() }
  return class HasqlClient extends LeasedClient {
    constructor(config: ClientConfig) {
      super(source, config)
    }
  }
}

/** The module with another class of clients; everything else is the module's own. */
function withClient<TPg extends object>(pg: TPg, Client: unknown): TPg {
  return new Proxy(pg, { get: (module, key): unknown => (key === 'Client' ? Client : Reflect.get(module, key)) })
}
