import { LockMode, MikroORM, defineEntity, p, raw } from '@mikro-orm/postgresql'
import { expect, test } from 'vitest'
import { createSession, mikroOrmConfig } from 'hasql/mikro-orm'
import type { PoolManager } from 'hasql/pg'
import { eventually, rejection } from '../support/eventually.ts'
import { untyped } from '../support/untyped.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const Story = defineEntity({
  name: 'Story',
  tableName: 'story',
  properties: {
    id: p.integer().primary(),
    port: p.integer().defaultRaw("current_setting('port')::int"),
  },
})
const PORT = "select current_setting('port')::int as port"

interface WithPort {
  readonly port: number
}

const init = (db: PoolManager, more = {}) => MikroORM.init({ ...mikroOrmConfig(db, more), entities: [Story] })

/** MikroORM as its users know it, on the configuration of `hasql/mikro-orm`. */
async function open({ db }: Opened): Promise<Subject> {
  const orm = await init(db)
  return {
    read: async () => {
      const query = orm.em.fork().getConnection('read').execute<WithPort[]>(PORT)
      return (await query)[0]?.port ?? 0
    },
    write: async (id) => {
      const em = orm.em.fork()
      const written = em.create(Story, { id })
      await em.flush()
      return written.port
    },
    transaction: (id, failure) =>
      orm.em.fork().transactional(async (em) => {
        em.create(Story, { id })
        await em.flush()
        if (failure !== undefined) throw failure
        em.create(Story, { id: -id })
      }),
    stream: async () => {
      const numbers = orm.em.getConnection('read').stream('select n from generate_series(1, 1000) n')
      let rows = 0
      for await (const _ of numbers) rows += 1
      return rows
    },
    cancel: async (sql, signal) => {
      const em = orm.em.fork({ signal, inflightQueryAbortStrategy: 'cancel query' })
      await em.execute(sql)
    },
    close: () => orm.close(),
  }
}

integrationSuite({ name: 'MikroORM', package: '@mikro-orm/postgresql', open })

const used = (db: PoolManager): number => db.metrics().drivers.reduce((sum, { used: leases }) => sum + leases, 0)

detailSuite('MikroORM: where statements go', (ground) => {
  const given = (more = {}) => init(ground().db, more)
  const here = raw("current_setting('port')::int as here")

  test('entities are read from a replica, or from the master if that is said', async () => {
    const { db, masterPort, replicaPorts } = ground()
    await using orm = await given()
    const em = orm.em.fork()
    em.create(Story, { id: 100 })
    await em.flush()
    const portOf = (query: { execute(): Promise<unknown> }) => query.execute()
    const query = (type: 'read' | 'write') => em.createQueryBuilder(Story, 's', type).select([here]).limit(1)
    expect(await portOf(query('write'))).toEqual([{ here: masterPort }])
    await eventually('the row has come over', async () => {
      const [row] = (await portOf(query('read'))) as { here: number }[]
      if (row !== undefined) expect(replicaPorts).toContain(row.here)
      return row !== undefined
    })
    const found = await orm.em.fork().findOneOrFail(Story, { id: 100 }, { connectionType: 'write' })
    expect(found.port).toBe(masterPort)
    expect(used(db)).toBe(0)
  })

  test('what MikroORM takes for a read, but which writes or locks, goes to the master', async () => {
    const { masterPort } = ground()
    await using orm = await given()
    const reading = orm.em.getConnection('read')
    const written = await reading.execute<WithPort[]>(
      'with written as (insert into story values (101) returning *) select port from written',
    )
    expect(written).toEqual([{ port: masterPort }])
    const locked = await reading.execute<WithPort[]>(`${PORT}, id from story where id = 101 for update`)
    expect(locked[0]?.port).toBe(masterPort)
  })

  test('reads inside transactions go to the master', async () => {
    const { masterPort } = ground()
    await using orm = await given()
    const seen = await orm.em.fork().transactional(async (em) => {
      em.create(Story, { id: 102 })
      await em.flush()
      await em.findOneOrFail(Story, { id: 102 }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true })
      return em.execute<WithPort[]>(PORT)
    })
    expect(seen).toEqual([{ port: masterPort }])
  })

  test('a nested transaction is rolled back alone', async () => {
    await using orm = await given()
    await orm.em.fork().transactional(async (em) => {
      em.create(Story, { id: 103 })
      await em.flush()
      const nested = em.transactional(async (inner) => {
        inner.create(Story, { id: 104 })
        await inner.flush()
        throw new Error('changed my mind')
      })
      expect(await rejection(nested)).toMatchObject({ message: 'changed my mind' })
    })
    const where = { id: { $in: [103, 104] } }
    const kept = await orm.em.fork().find(Story, where, { connectionType: 'write' })
    expect(kept.map(({ id }) => id)).toEqual([103])
  })

  test('dates, intervals and their arrays come as MikroORM expects them, other values as from pg', async () => {
    await using orm = await given()
    const [row] = await orm.em.execute<Record<string, unknown>[]>(`select
      '2026-01-02 03:04:05+00'::timestamptz as at, '2026-01-02'::date as day, '1 day'::interval as span,
      array['2026-01-02'::date, null] as days, 1::int as n, array[1, 2] as list, '{"a":1}'::jsonb as json`)
    expect(row).toMatchObject({ day: '2026-01-02', span: '1 day', days: ['2026-01-02', null] })
    expect(typeof row?.at).toBe('string')
    expect(row).toMatchObject({ n: 1, list: [1, 2] })
  })

  test('Kysely’s queries are compiled by MikroORM’s own Kysely', async () => {
    const { masterPort } = ground()
    await using orm = await given()
    const kysely = orm.em.fork().getKysely()
    await kysely
      .insertInto('story' as never)
      .values({ id: 105 })
      .execute()
    const rows = await kysely.selectFrom('story').selectAll().execute()
    expect(rows).toContainEqual({ id: 105, port: masterPort })
  })

  test('hooks see each connection once, and each lease', async () => {
    let [created, reserved] = [0, 0]
    await using orm = await given({
      onCreateConnection: async () => void (created += 1),
      onReserveConnection: async () => void (reserved += 1),
    })
    await orm.em.execute('select 1')
    const before = reserved
    for (let time = 0; time < 3; time += 1) await orm.em.execute('select 1')
    expect([created, reserved - before]).toEqual([1, 3])
  })

  test('preferReadReplicas turns the reads round', async () => {
    const { db, masterPort } = ground()
    await using orm = await MikroORM.init({ ...mikroOrmConfig(db), entities: [Story], preferReadReplicas: false })
    const em = orm.em.fork()
    em.create(Story, { id: 106 })
    await em.flush()
    // A replica may not have it yet.
    expect((await orm.em.fork().findOneOrFail(Story, { id: 106 })).port).toBe(masterPort)
    expect((await em.getDriver().execute<WithPort[]>(PORT))[0]?.port).toBe(masterPort)
  })

  test('closing the ORM leaves the manager open', async () => {
    const orm = await given()
    await orm.em.execute('select 1')
    await orm.close()
    await ground().db.withMaster((connection) => connection.query('select 1'))
  })

  test('what is no manager, or no option, is refused', () => {
    expect(() => mikroOrmConfig(untyped({}))).toThrow('new PoolManager(dsn)')
    expect(() => mikroOrmConfig(ground().db, untyped({ fallbackmaster: true }))).toThrow('Did you mean fallbackMaster?')
  })
})

detailSuite('MikroORM: sessions', (ground) => {
  const WHO = "select current_setting('port')::int as port, pg_backend_pid() as pid"
  interface Who extends WithPort {
    readonly pid: number
  }

  test('a session has one connection of the role asked for, and gives it back at the end of its scope', async () => {
    const { db, masterPort, replicaPorts } = ground()
    await using orm = await init(db)
    {
      await using em = await createSession(db, orm, { readOnly: true })
      const seen = await Promise.all(Array.from({ length: 3 }, () => em.execute<Who[]>(WHO)))
      expect(new Set(seen.map(([row]) => row?.pid)).size).toBe(1)
      expect(replicaPorts).toContain(seen[0]?.[0]?.port)
      expect(await em.find(Story, {})).toEqual([])
      expect(used(db)).toBe(1)
      em.create(Story, { id: 300 })
      expect(await rejection(em.flush())).toMatchObject({ code: '25006' })
    }
    expect(used(db)).toBe(0)
    await using em = await createSession(db, orm)
    const [{ pid } = { pid: 0 }] = await em.execute<Who[]>(WHO)
    const inside = await em.transactional(async (tx) => {
      tx.create(Story, { id: 301 })
      return tx.execute<Who[]>(WHO)
    })
    expect(inside).toEqual([{ port: masterPort, pid }])
    expect(await em.find(Story, { id: 301 })).toHaveLength(1)
    expect(used(db)).toBe(1)
  })

  test('sessions have an identity map each, and the ORM goes on beside them', async () => {
    const { db } = ground()
    await using orm = await init(db)
    await using one = await createSession(db, orm)
    await using other = await createSession(db, orm)
    one.create(Story, { id: 302 })
    await one.flush()
    const [mine, theirs] = [await one.findOneOrFail(Story, 302), await other.findOneOrFail(Story, 302)]
    expect(mine).not.toBe(theirs)
    expect(mine.id).toBe(theirs.id)
    expect(await orm.em.fork().getConnection('read').execute<WithPort[]>(PORT)).toHaveLength(1)
  })

  test('it is given back once; what comes after that is refused', async () => {
    const { db } = ground()
    await using orm = await init(db)
    const em = await createSession(db, orm)
    await em.execute('select 1')
    await em.close()
    const next = await db.acquireMaster()
    await em.close()
    expect(used(db)).toBe(1)
    expect(await rejection(em.execute('select 1'))).toMatchObject({ code: 'ERR_HASQL_UNKNOWN_CONNECTION' })
    next.release()
  })

  test('a connection with a transaction left open is closed, a sound one is used again', async () => {
    const { db } = ground()
    await using orm = await init(db)
    type Session = Awaited<ReturnType<typeof createSession>>
    const pidOf = async (spoil: (em: Session) => Promise<unknown>): Promise<number | undefined> => {
      await using em = await createSession(db, orm)
      const [row] = await em.execute<Who[]>(WHO)
      await spoil(em)
      return row?.pid
    }
    const sound = await pidOf(async () => undefined)
    const failed = await pidOf(async (em) => {
      expect(await rejection(em.transactional((tx) => tx.execute('select 1 / 0')))).toMatchObject({ code: '22012' })
    })
    expect(failed).toBe(sound)
    const leftOpen = await pidOf(async (em) => {
      await em.begin()
      await rejection(em.execute('select 1 / 0'))
    })
    expect(leftOpen).toBe(sound)
    expect(await pidOf(async () => undefined)).not.toBe(sound)
  })

  test('options of an acquire that make no sense together are refused, and so is what is no ORM', async () => {
    const { db } = ground()
    await using orm = await init(db)
    expect(await rejection(createSession(db, orm, { fallbackMaster: true }))).toMatchObject({
      code: 'ERR_HASQL_OPTIONS',
      option: 'fallbackMaster',
    })
    expect(await rejection(createSession(db, orm, untyped({ readonly: true })))).toMatchObject({ option: 'readonly' })
    expect(await rejection(createSession(db, untyped({})))).toMatchObject({ option: 'orm' })
  })
})
