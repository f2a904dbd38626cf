import type { Configuration, ConnectionOptions, EntityManager, MetadataStorage } from '@mikro-orm/postgresql'
import type { PoolManager } from '../drivers/pg.ts'
import { OptionsError } from '../errors.ts'
import type { AcquireOptions } from '../manager/acquire-options.ts'
import { oneOfKeys } from '../manager/check-option.ts'
import { LeasingDialect, preparation, routeByText } from './kysely/dialect.ts'
import { READ_KEYS, leasesOf } from './kysely/leases.ts'
import type { ReadOptions } from './kysely/leases.ts'
import type { ConnectionRules } from './kysely/routed-connection.ts'
import { openSession } from './kysely/session.ts'
import { ownPackages } from './mikro-orm/own-packages.ts'
import { SessionDriver } from './mikro-orm/session-driver.ts'
import { mikroOrmTypes } from './mikro-orm/types.ts'

export type { ReadOptions } from './kysely/leases.ts'

/** What `mikroOrmConfig` takes; how replicas are chosen is by default the manager's own way. */
export interface MikroOrmOptions extends ReadOptions {
  /** Called with each connection before its first use: Kysely's, with `executeQuery`. */
  readonly onCreateConnection?: (connection: object) => Promise<void>
  /** Called with each connection whenever it is leased. */
  readonly onReserveConnection?: (connection: object) => Promise<void>
}

/** The part of a MikroORM configuration that says where connections come from. */
export interface MikroOrmConfig {
  readonly dbName: string
  readonly driverOptions: () => object
  readonly replicas: ConnectionOptions[]
}

/**
 * The part of a MikroORM configuration that makes every connection a lease of a pool manager.
 *
 * ```ts
 * const orm = await MikroORM.init({ ...mikroOrmConfig(db), entities: [Order] })
 * const orders = await orm.em.fork().find(Order, {})                                        // a replica
 * const fresh = await orm.em.fork().find(Order, {}, { connectionType: 'write' })            // the master
 * ```
 * MikroORM itself reads from replicas outside transactions, and writes to the master; a statement that it takes for a read,
 * but which may write, goes to the master. `orm.close()` leaves the manager open.
 * @throws {OptionsError} `db` is no pool manager, or an option is unknown.
 */
export function mikroOrmConfig(db: PoolManager, options: MikroOrmOptions = {}): MikroOrmConfig {
  oneOfKeys('mikroOrmConfig', options, CONFIG_KEYS)
  const { onCreateConnection, onReserveConnection, ...reads } = options
  const { kysely, cursor } = ownPackages()
  const common: Omit<ConnectionRules, 'route'> = {
    source: leasesOf(db, reads),
    cursor,
    typesFor: mikroOrmTypes,
    prepare: preparation(onCreateConnection, onReserveConnection),
  }
  const master = new LeasingDialect(kysely, { ...common, route: () => 'master' }, () => 'master')
  const replica = new LeasingDialect(kysely, { ...common, route: routeByText }, () => 'replica')
  return {
    dbName: db.dsn.hosts[0].database,
    // Functions, as MikroORM copies what else it is given, private parts left out.
    driverOptions: () => master,
    replicas: [{ name: 'replica', driverOptions: () => replica }],
  }
}

const CONFIG_KEYS: readonly string[] = [...READ_KEYS, 'onCreateConnection', 'onReserveConnection']

/** An entity manager on one leased connection. */
export type MikroOrmSession = EntityManager &
  AsyncDisposable & {
    /** Gives the connection back, once. One with a transaction still open, or a query still running, is closed. */
    close(): Promise<void>
  }

/** What is used of a `MikroORM`. */
export interface OrmOfSession {
  readonly config: Configuration
  getMetadata(): MetadataStorage
}

/**
 * Leases one connection for as long as a piece of work takes, a request for example, with an entity manager on it.
 *
 * ```ts
 * await using em = await createSession(db, orm, { readOnly: true })
 * const orders = await em.find(Order, {})
 * ```
 * It is a fork with an identity map of its own. All of it runs on one host: a replica with `readOnly: true`, else the master.
 * One query, or one transaction, at a time: inside `em.transactional` use the manager that it hands over. What is not flushed
 * is dropped. Rejects as `acquire` does.
 */
export async function createSession(
  db: PoolManager,
  orm: OrmOfSession,
  options: AcquireOptions = {},
): Promise<MikroOrmSession> {
  if (typeof orm !== 'object' || !('config' in orm)) {
    throw new OptionsError('orm', 'createSession takes the MikroORM second: what MikroORM.init resolved with')
  }
  const { readOnly = false } = options
  const { kysely, cursor } = ownPackages()
  const source = { ...leasesOf(db), lease: () => db.acquire({ ...options, readOnly }) }
  const rules = { source, cursor, typesFor: mikroOrmTypes, prepare: undefined }
  const dialect = await openSession(kysely, rules, readOnly ? 'replica' : 'master')
  try {
    const driver = new SessionDriver(orm.config, dialect)
    driver.setMetadata(orm.getMetadata())
    const em: EntityManager = driver.createEntityManager(false)
    const close = async (): Promise<void> => dialect.close()
    return Object.assign(em, { close, [Symbol.asyncDispose]: close })
  } catch (error) {
    dialect.close()
    throw error
  }
}
