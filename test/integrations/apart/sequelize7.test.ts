import pg from 'pg'
import { DataTypes, QueryTypes, Sequelize, sql } from '@sequelize/core'
import type { Model, ModelStatic } from '@sequelize/core'
import { PostgresDialect } from '@sequelize/postgres'
import { expect, test } from 'vitest'
import type { PoolManager } from 'hasql/pg'
import { sequelize7Options } from 'hasql/sequelize'
import { rejection } from '../../support/eventually.ts'
import { detailSuite } from '../support/details.ts'
import type { Opened, Subject } from '../support/library.ts'
import { integrationSuite } from '../support/suite.ts'

interface Row {
  id: number
  port?: number
}
type Story = Model<Row, Row> & Row

const READ = "select current_setting('port')::int as port"

function start(db: PoolManager): { sequelize: Sequelize; Story: ModelStatic<Story> } {
  const sequelize = new Sequelize({ dialect: PostgresDialect, ...sequelize7Options(db, pg), logging: false })
  const columns = {
    id: { type: DataTypes.INTEGER, primaryKey: true },
    port: { type: DataTypes.INTEGER, defaultValue: sql.literal("current_setting('port')::int") },
  }
  return { sequelize, Story: sequelize.define<Story>('story', columns, { tableName: 'story', timestamps: false }) }
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
  name: '@sequelize/core',
  package: '@sequelize/core',
  from: import.meta.url,
  open,
  lacks: { streaming: 'Sequelize has all rows of a result at once', cancel: 'Sequelize cannot call a statement off' },
})

detailSuite('where sequelize 7 sends what', (ground) => {
  test('reads to replicas, everything else and all of a transaction to the master', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const { sequelize, Story } = start(db)
    expect(replicaPorts).toContain(await portOf(sequelize))
    expect(await portOf(sequelize, true)).toBe(masterPort)
    const [rows] = await sequelize.query(
      'with added as (insert into story values (2) returning port) select port from added',
    )
    expect(rows).toEqual([{ port: masterPort }])
    await sequelize.transaction(async (transaction) => {
      expect(await portOf(sequelize)).toBe(masterPort)
      await Story.create({ id: 3 }, { transaction })
      expect((await Story.findByPk(3, { transaction, rejectOnEmpty: true })).port).toBe(masterPort)
    })
    await sequelize.close()
    expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  })

  test('the types of the database are asked for once for each connection, and known when one is new', async () => {
    const { db } = ground()
    const { sequelize } = start(db)
    const Party = sequelize.define('party', {
      day: DataTypes.DATEONLY,
      mood: DataTypes.ENUM('gay', 'grim'),
      moods: DataTypes.ARRAY(DataTypes.ENUM('gay', 'grim')),
      seats: DataTypes.RANGE(DataTypes.INTEGER),
    })
    await portOf(sequelize, true)
    await sequelize.sync()
    const party = { day: '2026-11-25', mood: 'gay', moods: ['grim', 'gay'], seats: [1, 9] }
    await Party.create(party)
    for (let round = 0; round < 3; round += 1) {
      const found = await Party.findOne({ useMaster: true, rejectOnEmpty: true })
      expect(found.get()).toMatchObject({ day: party.day, mood: party.mood, moods: party.moods })
      expect(found.get('seats')).toMatchObject([{ value: 1 }, { value: 9 }])
    }
    await Party.drop()
    await sequelize.close()
  })

  test('a connection that dies before it was used ends nothing but its query', async () => {
    const { db, masterPort } = ground()
    const { sequelize } = start(db)
    await portOf(sequelize, true)
    const killing = sequelize.query('select pg_terminate_backend(pg_backend_pid())')
    expect(await rejection(killing)).toBeInstanceOf(Error)
    expect(await portOf(sequelize, true)).toBe(masterPort)
    await sequelize.close()
  })
})
