import 'reflect-metadata'
import pg from 'pg'
import { DataSource, EntitySchema, EntitySchemaOptions } from 'typeorm'
import type { DataSourceOptions } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { typeormOptions } from 'hasql/typeorm'
import { forbidEscapedErrors } from '../support/escaped-errors.ts'
import { rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

interface Story {
  id: number
  port: number
}

const STORY = new EntitySchema<Story>(
  Object.assign(new EntitySchemaOptions<Story>(), {
    name: 'story',
    columns: {
      id: { type: 'int', primary: true },
      port: { type: 'int', default: () => "current_setting('port')::int" },
    },
  }),
)

const PORT = "current_setting('port')::int"

async function start(db: PoolManager, options: Partial<DataSourceOptions> = {}): Promise<DataSource> {
  const source = new DataSource({ ...typeormOptions(db), entities: [STORY], ...(options as object) })
  return source.initialize()
}

async function portOf(source: Pick<DataSource, 'createQueryBuilder'>): Promise<number> {
  const row = await source
    .createQueryBuilder()
    .select(PORT, 'port')
    .from('(select 1)', 'one')
    .getRawOne<{ port: number }>()
  return row?.port ?? 0
}

async function open({ db }: Opened): Promise<Subject> {
  const source = await start(db)
  return {
    read: () => portOf(source),
    write: async (id) => {
      const { generatedMaps } = await source.createQueryBuilder().insert().into(STORY).values({ id }).execute()
      return (generatedMaps[0] as Story).port
    },
    transaction: (id, failure) =>
      source.transaction(async (manager) => {
        await manager.insert(STORY, { id })
        if (failure !== undefined) throw failure
        await manager.insert(STORY, { id: -id })
      }),
    stream: async () => {
      const numbers = source.createQueryBuilder().select('n').from('(select generate_series(1, 1000) as n)', 'numbers')
      let rows = 0
      for await (const _row of await numbers.stream()) rows += 1
      return rows
    },
    close: () => source.destroy(),
  }
}

integrationSuite({
  name: 'typeorm',
  package: 'typeorm',
  open,
  lacks: { cancel: 'TypeORM cannot call a statement off' },
})

detailSuite('where typeorm sends what', (ground) => {
  test('reads to replicas, everything else to the master', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const source = await start(db)
    expect(replicaPorts).toContain(await portOf(source))
    const saved = await source.getRepository(STORY).save({ id: 1 })
    expect(saved.port).toBe(masterPort)
    const [row] = await source.query<Story[]>(
      'with added as (insert into story values (2) returning port) select port from added',
    )
    expect(row?.port).toBe(masterPort)
    await source.destroy()
  })

  test('reads to the master if the data source says so', async () => {
    const { db, masterPort } = ground()
    const source = new DataSource(typeormOptions(db, { defaultMode: 'master' }))
    await source.initialize()
    expect(await portOf(source)).toBe(masterPort)
    await source.destroy()
  })

  test('a query runner goes where it was made for', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const source = await start(db)
    const [master, slave] = [source.createQueryRunner('master'), source.createQueryRunner('slave')]
    expect(await portOf(master.manager)).toBe(masterPort)
    expect(replicaPorts).toContain(await portOf(slave.manager))
    expect(await rejection(slave.query('insert into story values (3)'))).toMatchObject({ code: '25006' })
    await Promise.all([master.release(), slave.release()])
    await source.destroy()
  })

  test('all of a transaction to the master, savepoints and reads included', async () => {
    const { db, masterPort } = ground()
    const source = await start(db)
    await source.transaction(async (manager) => {
      expect(await portOf(manager)).toBe(masterPort)
      await rejection(
        manager.transaction(async (inner) => {
          await inner.insert(STORY, { id: 10 })
          throw new Error('only the inner one')
        }),
      )
      await manager.insert(STORY, { id: 11 })
      expect(await manager.find(STORY, { where: [{ id: 10 }, { id: 11 }] })).toEqual([{ id: 11, port: masterPort }])
    })
    await source.destroy()
  })
})

detailSuite('a data source of typeorm', (ground) => {
  test('ends and starts again, and the manager goes on', async () => {
    const { db } = ground()
    const source = await start(db)
    const { master } = source.driver as unknown as { master: { connect(done: (error?: Error) => void): void } }
    await source.destroy()
    const refused = await new Promise((resolve) => master.connect(resolve))
    expect(refused).toMatchObject({ message: 'The data source was destroyed' })
    await source.initialize()
    expect(await source.query('select 1 as one')).toEqual([{ one: 1 }])
    await source.destroy()
    expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  })

  test('counts the connections of its roles', async () => {
    const { db } = ground()
    const source = await start(db)
    const { master } = source.driver as unknown as { master: Record<string, number> }
    expect(master.totalCount).toBeGreaterThan(0)
    await expect.poll(() => master.idleCount).toBe(master.totalCount)
    expect(master.waitingCount).toBe(0)
    await source.destroy()
  })

  test('tells of idle connections that were lost', async () => {
    const { db, cluster } = ground()
    const told: unknown[] = []
    const source = await start(db, { poolErrorHandler: (error: unknown) => told.push(error) })
    const [row] = await source.query<{ pid: number }[]>('select pg_backend_pid() as pid')
    await (await cluster.master()).query(`select pg_terminate_backend(${String(row?.pid)})`)
    await expect.poll(() => told.length).toBe(1)
    await source.destroy()
  })

  test('has 64-bit numbers as it asks for, with the pg module', async () => {
    const { db } = ground()
    const source = new DataSource({ ...typeormOptions(db, { pg }), parseInt8: true })
    try {
      await source.initialize()
      expect(await source.query('select 1::int8 as one')).toEqual([{ one: 1 }])
    } finally {
      pg.defaults.parseInt8 = false
      await source.destroy()
    }
  })

  test.each([
    ['poolSize', { poolSize: 5 }, 'poolOptions'],
    ['connectTimeoutMS', { connectTimeoutMS: 5 }, 'acquireTimeoutMs'],
    ['replication', { replication: { master: { host: 'db1' }, slaves: [] } }, 'leave replication'],
  ])('does not start with %s', async (option, extra, words) => {
    const error = await rejection(start(ground().db, extra))
    expect(error).toMatchObject({
      code: 'ERR_HASQL_OPTIONS',
      option,
      message: expect.stringContaining(words) as string,
    })
  })

  test('is not made of nonsense', () => {
    const { db } = ground()
    const refused = (make: () => unknown, option: string): void =>
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_HASQL_OPTIONS', option }) as Error)
    refused(() => typeormOptions({ host: 'db1' } as unknown as PoolManager), 'db')
    refused(() => typeormOptions(db, { defaultmode: 'slave' } as object), 'defaultmode')
    refused(() => typeormOptions(db, { defaultMode: 'replica' as 'slave' }), 'defaultMode')
  })
})

describe('typeorm starts', () => {
  forbidEscapedErrors()

  test.each([
    ['one replica', 1],
    ['every replica', 2],
  ])('when %s is dead', async (_what, dead) => {
    await using cluster = await PgCluster.start({ replicas: 2 })
    const master = await cluster.master()
    for (const replica of (await cluster.replicas()).slice(0, dead)) await replica.kill()
    await using db = new PoolManager(cluster.dsn, { acquireTimeoutMs: 500 })
    const source = await start(db)
    expect(await source.query('select 1 as one')).toEqual([{ one: 1 }])
    if (dead === 1) expect(await portOf(source)).not.toBe(master.port)
    else expect(await rejection(portOf(source))).toMatchObject({ reason: 'no-suitable-host' })
    await source.destroy()
  })
})
