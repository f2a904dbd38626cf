import pg from 'pg'
import { DataTypes, QueryTypes, Sequelize } from 'sequelize'
import type { Model, ModelStatic, Options, Transaction } from 'sequelize'
import { describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { sequelizeOptions } from 'hasql/sequelize'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../support/escaped-errors.ts'
import { eventually, rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

interface Row {
  id: number
  port?: number
}
type Story = Model<Row, Row> & Row

const READ = "select current_setting('port')::int as port"

function start(db: PoolManager, options: Options = {}): { sequelize: Sequelize; Story: ModelStatic<Story> } {
  const sequelize = new Sequelize({ ...sequelizeOptions(db, pg), logging: false, ...options })
  const columns = {
    id: { type: DataTypes.INTEGER, primaryKey: true },
    port: { type: DataTypes.INTEGER, defaultValue: Sequelize.literal("current_setting('port')::int") },
  }
  const Story = sequelize.define<Story>('story', columns, { tableName: 'story', timestamps: false })
  return { sequelize, Story }
}

async function portOf(sequelize: Sequelize, useMaster = false): Promise<number> {
  const [row] = await sequelize.query<{ port: number }>(READ, { type: QueryTypes.SELECT, useMaster })
  return row?.port ?? 0
}

async function open({ db }: Opened): Promise<Subject> {
  const { sequelize, Story } = start(db)
  return {
    read: () => portOf(sequelize),
    write: async (id) => (await Story.create({ id })).get().port ?? 0,
    transaction: (id, failure) =>
      sequelize.transaction(async (transaction) => {
        await Story.create({ id }, { transaction })
        if (failure !== undefined) throw failure
        await Story.create({ id: -id }, { transaction })
      }),
    close: () => sequelize.close(),
  }
}

integrationSuite({
  name: 'sequelize',
  package: 'sequelize',
  open,
  lacks: { streaming: 'Sequelize has all rows of a result at once', cancel: 'Sequelize cannot call a statement off' },
})

detailSuite('where sequelize sends what', (ground) => {
  test('reads to replicas, everything else to the master', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const { sequelize, Story } = start(db)
    expect(replicaPorts).toContain(await portOf(sequelize))
    expect((await Story.create({ id: 1 })).get().port).toBe(masterPort)
    const [rows] = await sequelize.query(
      'with added as (insert into story values (2) returning port) select port from added',
    )
    expect(rows).toEqual([{ port: masterPort }])
    await sequelize.close()
  })

  test('a read to the master if it asks for it', async () => {
    const { db, masterPort } = ground()
    const { sequelize, Story } = start(db)
    expect(await portOf(sequelize, true)).toBe(masterPort)
    await Story.create({ id: 3 })
    expect((await Story.findByPk(3, { useMaster: true, rejectOnEmpty: true })).get()).toEqual({
      id: 3,
      port: masterPort,
    })
    await sequelize.close()
  })

  test('all of a transaction to the master, savepoints and reads included, unless it only reads', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const { sequelize, Story } = start(db)
    const portIn = async (transaction: Transaction): Promise<number | undefined> =>
      (await sequelize.query<{ port: number }>(READ, { type: QueryTypes.SELECT, transaction }))[0]?.port
    await sequelize.transaction(async (transaction) => {
      expect(await portIn(transaction)).toBe(masterPort)
      await rejection(
        sequelize.transaction({ transaction }, async (inner) => {
          await Story.create({ id: 10 }, { transaction: inner })
          throw new Error('only the inner one')
        }),
      )
      await Story.create({ id: 11 }, { transaction })
      const found = await Story.findAll({ where: { id: [10, 11] }, transaction })
      expect(found.map(({ id }) => id)).toEqual([11])
    })
    await sequelize.transaction({ readOnly: true }, async (transaction) =>
      expect(replicaPorts).toContain(await portIn(transaction)),
    )
    await sequelize.close()
  })
})

detailSuite(
  'a connection of sequelize',
  (ground) => {
    test('is leased for one query, and set up once', async () => {
      const { db } = ground()
      const { sequelize } = start(db, { timezone: '+03:00' })
      await Promise.all([portOf(sequelize, true), portOf(sequelize, true)])
      const asked = await statementsDuring(async () => {
        for (let round = 0; round < 10; round += 1) {
          await portOf(sequelize, true)
          await eventually('it is given back', () => db.metrics().drivers.every(({ used }) => used === 0), 1_000)
        }
      })
      expect(asked.filter((text) => text === READ).length).toBe(10)
      // The pool's second connection may not have been in use before.
      expect(asked.length).toBeLessThanOrEqual(11)
      await sequelize.close()
    })

    test('has the settings of its Sequelize, whoever else changes them', async () => {
      const { db } = ground()
      const [east, west] = [
        start(db, { timezone: '+03:00' }).sequelize,
        start(db, { timezone: 'America/New_York' }).sequelize,
      ]
      const zoneOf = async (sequelize: Sequelize): Promise<unknown> => (await sequelize.query('show timezone'))[0]
      for (let round = 0; round < 3; round += 1) {
        expect(await zoneOf(east)).toEqual({ TimeZone: '<+03>-03' })
        expect(await zoneOf(west)).toEqual({ TimeZone: 'America/New_York' })
        await db.withMaster((connection) => connection.query("set time zone 'Asia/Tokyo'"))
      }
      // On both connections, at the same time: the next lease is one of them.
      const toTokyo = (): Promise<unknown> =>
        db.withMaster((connection) => connection.query("select pg_sleep(0.05); set time zone 'Asia/Tokyo'"))
      const isIdle = (): boolean => db.metrics().drivers.every(({ used }) => used === 0)
      await Promise.all([1, 2].map(() => east.query('select pg_sleep(0.05)')))
      await eventually('all is given back', isIdle)
      await Promise.all([toTokyo(), toTokyo()])
      expect(await zoneOf(east)).toEqual({ TimeZone: '<+03>-03' })
      await Promise.all([east.close(), west.close()])
    })

    test('that cannot be set up costs no lease', async () => {
      const { db } = ground()
      const { sequelize } = start(db, { dialectOptions: { clientMinMessages: 'nonsense' } })
      for (let round = 0; round < 5; round += 1) {
        expect(await rejection(portOf(sequelize))).toMatchObject({ code: '22023' })
      }
      await sequelize.close()
    })

    test('reads values as Sequelize does, types of the database included', async () => {
      const { db } = ground()
      const { sequelize } = start(db)
      const Party = sequelize.define('party', {
        day: DataTypes.DATEONLY,
        mood: DataTypes.ENUM('gay', 'grim'),
        moods: DataTypes.ARRAY(DataTypes.ENUM('gay', 'grim')),
        seats: DataTypes.RANGE(DataTypes.INTEGER),
        price: DataTypes.DECIMAL,
      })
      await sequelize.sync()
      const party = { day: '2026-11-25', mood: 'gay', moods: ['grim', 'gay'], seats: [1, 9], price: '9.50' }
      await Party.create(party)
      const found = await Party.findOne({ useMaster: true, rejectOnEmpty: true })
      const { day, mood, moods, price } = party
      expect(found.get()).toMatchObject({ day, mood, moods, price })
      expect(found.get('seats')).toMatchObject([
        { value: 1, inclusive: true },
        { value: 9, inclusive: false },
      ])
      expect(found.get('createdAt')).toBeInstanceOf(Date)
      await Party.drop({})
      await sequelize.close()
    })

    test('can be used as the client of pg that it stands for', async () => {
      const { db } = ground()
      const { sequelize } = start(db)
      const notices: unknown[] = []
      sequelize.addHook('afterConnect', (client: unknown) => {
        const listening = client as pg.Client
        listening.on('notice', ({ message }) => notices.push(message))
      })
      await sequelize.query("set client_min_messages to notice; do $$ begin raise notice 'hear'; end $$")
      expect(notices).toContain('hear')
      const client = (await sequelize.connectionManager.getConnection({ type: 'write', useMaster: true })) as pg.Client
      expect((await client.query({ text: 'select $1::int as n', values: [7] })).rows).toEqual([{ n: 7 }])
      expect((await client.query('select $1::int as n', [7])).rows).toEqual([{ n: 7 }])
      const called = new Promise((resolve) => client.query('select 8 as n', (_error, { rows }) => resolve(rows)))
      expect(await called).toEqual([{ n: 8 }])
      sequelize.connectionManager.releaseConnection(client)
      await eventually('it is given back', () => db.metrics().drivers.every(({ used }) => used === 0))
      await client.end()
      expect(await rejection(client.query('select 1'))).toMatchObject({ message: 'The connection was given back' })
      await sequelize.close()
    })

    test('is waited for as long as the manager says, and its error is the parent', async () => {
      const { db } = ground()
      const { sequelize } = start(db)
      const taken = await Promise.all([db.acquireMaster(), db.acquireMaster()])
      const error = await rejection(portOf(sequelize, true))
      expect(error).toMatchObject({ name: 'SequelizeConnectionError', parent: { reason: 'pool-exhausted' } })
      for (const connection of taken) connection.release()
      await sequelize.close()
    })

    test('ends with its Sequelize, and the manager goes on', async () => {
      const { db } = ground()
      const { sequelize } = start(db)
      await portOf(sequelize)
      await sequelize.close()
      await rejection(portOf(sequelize))
      expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
    })

    test('is not made of nonsense', async () => {
      const { db } = ground()
      const refused = (make: () => unknown, option: string): void =>
        expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
      refused(() => sequelizeOptions({ host: 'db1' } as unknown as PoolManager, pg), 'db')
      refused(() => sequelizeOptions(db, {} as typeof pg), 'pg')
      const { sequelize } = start(db, { replication: { write: { host: 'db1' }, read: [] } })
      expect(await rejection(portOf(sequelize))).toMatchObject({ code: 'ERR_HASQL_OPTIONS', option: 'replication' })
    })
  },
  { replicas: 1 },
  { acquireTimeoutMs: 400 },
)

describe('connections that Sequelize was told to keep', () => {
  forbidEscapedErrors()

  test('are dropped when their host is no longer what they are for', async () => {
    await using cluster = await PgCluster.start({ replicas: 2 })
    await using db = new PoolManager(cluster.dsn, { poolOptions: { max: 4 } })
    await db.ready()
    const { sequelize, Story } = start(db, { pool: { max: 2, maxUses: Infinity, idle: 60_000 } })
    await (
      await cluster.master()
    ).query('create table story (id int primary key, port int); grant all on story to public')
    const portOfWrite = async (id: number): Promise<number | undefined> => (await Story.create({ id })).get().port
    const [before, heir, other] = [await cluster.master(), ...(await cluster.replicas())]
    expect(await portOfWrite(1)).toBe(before.port)
    await portOf(sequelize)
    if (heir === undefined || other === undefined) throw new Error('The cluster has too few replicas')
    const changed = new Promise((resolve) => db.on('masterChange', resolve))
    await cluster.switchover(heir)
    await changed
    await db.waitReplicasReady(2)
    expect(await portOfWrite(2)).toBe(heir.port)
    for (let round = 0; round < 5; round += 1) expect([before.port, other.port]).toContain(await portOf(sequelize))
    await sequelize.close()
  })
})

/** The texts of the statements that reach `pg` meanwhile. */
async function statementsDuring(work: () => Promise<void>): Promise<unknown[]> {
  const { query } = Object.getOwnPropertyDescriptors(pg.Client.prototype)
  const original = query.value as (...args: unknown[]) => unknown
  const texts: unknown[] = []
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    const [statement] = args
    texts.push(typeof statement === 'string' ? statement : (statement as { text: unknown }).text)
    return Reflect.apply(original, this, args)
  }
  Object.defineProperty(pg.Client.prototype, 'query', { ...query, value: spy })
  try {
    await work()
  } finally {
    Object.defineProperty(pg.Client.prototype, 'query', query)
  }
  return texts.filter((text) => !String(text).includes('pg_is_in_recovery'))
}
