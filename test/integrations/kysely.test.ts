import { Kysely, sql } from 'kysely'
import Cursor from 'pg-cursor'
import { expect, test } from 'vitest'
import { HasqlDialect, createSession, onMaster, onReplica } from 'hasql/kysely'
import type { PoolManager } from 'hasql/pg'
import { eventually, rejection } from '../support/eventually.ts'
import { untyped } from '../support/untyped.ts'
import { detailSuite } from './support/details.ts'
import { PORT, openKysely } from './support/kysely.ts'
import type { Database } from './support/kysely.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

/** An abort ends a query from 0.29 on. */
async function open(opened: Opened): Promise<Subject> {
  const { kysely, ...subject } = openKysely(opened)
  return {
    ...subject,
    cancel: async (text, signal) => {
      const query = sql.raw(text).compile(kysely.withPlugin(onMaster))
      await kysely.executeQuery(query, { signal, inflightQueryAbortStrategy: 'cancel query' })
    },
  }
}

integrationSuite({ name: 'Kysely', package: 'kysely', open })

detailSuite('Kysely: where statements go', (ground) => {
  const given = (): Kysely<Database> =>
    new Kysely<Database>({ dialect: new HasqlDialect(ground().db, { cursor: Cursor }) })
  const portOf = async (kysely: Kysely<Database>): Promise<number> =>
    (await kysely.selectNoFrom(PORT.as('port')).executeTakeFirstOrThrow()).port

  test('a raw read goes to a replica, whatever else is raw to the master', async () => {
    const { masterPort, replicaPorts } = ground()
    const kysely = given()
    const { rows } = await sql<{ port: number }>`select ${PORT} as port`.execute(kysely)
    expect(replicaPorts).toContain(rows[0]?.port)
    await sql`create temp table scratch ()`.execute(kysely)
    const explained = await sql`explain analyze insert into story values (100)`.execute(kysely)
    expect(explained.rows.length).toBeGreaterThan(0)
    expect(await portOf(kysely.withPlugin(onMaster))).toBe(masterPort)
  })

  test('with … insert goes to the master', async () => {
    const { rows } = await given()
      .with('written', (with_) => with_.insertInto('story').values({ id: 101 }).returning('port'))
      .selectFrom('written')
      .select('port')
      .execute()
      .then((found) => ({ rows: found }))
    expect(rows).toEqual([{ port: ground().masterPort }])
  })

  test('select … for update goes to the master', async () => {
    const locking = given()
      .selectFrom('story')
      .select(['id', PORT.as('here')])
      .forUpdate()
    const [row] = await locking.execute()
    expect(row?.here).toBe(ground().masterPort)
  })

  test('the application says what it knows better', async () => {
    const { masterPort, replicaPorts } = ground()
    const kysely = given()
    expect(await portOf(kysely.withPlugin(onMaster))).toBe(masterPort)
    const { rows } = await sql<{ port: number }>`show port`.execute(kysely.withPlugin(onReplica))
    expect(replicaPorts.map(String)).toContain(String(rows[0]?.port))
    const refused = kysely.withPlugin(onReplica).insertInto('story').values({ id: 102 }).execute()
    expect(await rejection(refused)).toMatchObject({ code: '25006' })
  })

  test('reads inside transactions go to the master, whatever plugin they passed', async () => {
    const ports = await given()
      .transaction()
      .execute(async (trx) => [await portOf(trx), await portOf(trx.withPlugin(onReplica))])
    expect(ports).toEqual([ground().masterPort, ground().masterPort])
  })

  test('a transaction that says that it only reads takes place on a replica, unless it is serializable', async () => {
    const { masterPort, replicaPorts } = ground()
    const reading = given().transaction().setAccessMode('read only')
    expect(replicaPorts).toContain(await reading.execute(portOf))
    expect(await reading.setIsolationLevel('serializable').execute(portOf)).toBe(masterPort)
  })

  test('a connection that is kept moves to the master with the first statement that needs it, and stays there', async () => {
    const { masterPort, replicaPorts } = ground()
    await given()
      .connection()
      .execute(async (kept) => {
        const first = await portOf(kept)
        expect(replicaPorts).toContain(first)
        expect(await portOf(kept)).toBe(first)
        await kept.insertInto('story').values({ id: 103 }).execute()
        expect(await portOf(kept)).toBe(masterPort)
        expect(await kept.transaction().setAccessMode('read only').execute(portOf)).not.toBe(masterPort)
        expect(replicaPorts).toContain(await portOf(kept))
      })
  })

  test('a controlled transaction with savepoints keeps what was not rolled back', async () => {
    const kysely = given()
    const trx = await kysely.startTransaction().execute()
    await trx.insertInto('story').values({ id: 104 }).execute()
    const after = await trx.savepoint('first').execute()
    await after.insertInto('story').values({ id: 105 }).execute()
    await after.rollbackToSavepoint('first').execute()
    await after.releaseSavepoint('first').execute()
    await trx.commit().execute()
    const kept = kysely.withPlugin(onMaster).selectFrom('story').select('id').where('id', 'in', [104, 105])
    expect(await kept.execute()).toEqual([{ id: 104 }])
  })

  test('a commit that the server turns into a rollback rejects', async () => {
    const committed = given()
      .transaction()
      .execute(async (trx) => {
        await rejection(sql`select 1 / 0`.execute(trx))
      })
    expect(await rejection(committed)).toMatchObject({ name: 'AbortedTransactionError' })
  })

  test('a transaction whose connection dies tells of what failed first, not of its rollback', async () => {
    const { db } = ground()
    const kysely = given()
    const killed = async (work: (trx: Kysely<Database>) => Promise<unknown>): Promise<unknown> =>
      rejection(
        kysely.transaction().execute(async (trx) => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
          await db.withMaster((connection) => connection.query('select pg_terminate_backend($1)', [rows[0]?.pid]))
          await work(trx)
        }),
      )
    const lost = await killed((trx) => trx.insertInto('story').values({ id: 108 }).execute())
    expect(lost).toMatchObject({ code: expect.stringMatching(/^(?:ERR_HASQL_HOST_LOST|57P01)$/) as string })
    const failed = await killed(() => Promise.reject(new Error('changed my mind')))
    expect(failed).toMatchObject({ message: 'changed my mind' })
  })

  test('affected rows are counted', async () => {
    const kysely = given()
    await kysely
      .insertInto('story')
      .values([{ id: 106 }, { id: 107 }])
      .execute()
    const { numUpdatedRows } = await kysely
      .updateTable('story')
      .set({ port: 1 })
      .where('id', 'in', [106, 107])
      .executeTakeFirst()
    expect(numUpdatedRows).toBe(2n)
  })

  test('the tables of the master are introspected', async () => {
    const tables = await given().introspection.getTables()
    expect(tables.map(({ name }) => name)).toContain('story')
  })
})

detailSuite('Kysely: aborting, streams, hooks, mistakes', (ground) => {
  const given = (options = {}): Kysely<Database> =>
    new Kysely<Database>({ dialect: new HasqlDialect(ground().db, { cursor: Cursor, ...options }) })

  test('an abort ends the wait for a connection', async () => {
    const { db } = ground()
    const held = await Promise.all([db.acquireMaster(), db.acquireMaster()])
    const controller = new AbortController()
    const writes = { signal: controller.signal }
    const waiting = rejection(given().insertInto('story').values({ id: 200 }).execute(writes))
    const waiters = (): number => db.metrics().drivers.reduce((sum, { waiting: callers }) => sum + callers, 0)
    await eventually('it waits', () => waiters() > 0)
    controller.abort(new Error('nobody wants it any more'))
    expect(await waiting).toMatchObject({ message: 'nobody wants it any more' })
    await eventually('nobody waits', () => waiters() === 0)
    for (const each of held) each.release()
  })

  test('an abort cancels the statement on the replica that runs it, and no other', async () => {
    const kysely = given()
    const controllers = [new AbortController(), new AbortController()]
    const slow = controllers.map(({ signal }) =>
      rejection(sql`select pg_sleep(30)`.execute(kysely, { signal, inflightQueryAbortStrategy: 'cancel query' })),
    )
    const running = async (): Promise<number> => {
      const counts = (await ground().cluster.replicas()).map(async (replica) => {
        const active = `query = 'select pg_sleep(30)' and state = 'active'`
        const [row] = await replica.query<{ n: number }>(
          `select count(*)::int as n from pg_stat_activity where ${active}`,
        )
        return Number(row?.n)
      })
      return (await Promise.all(counts)).reduce((sum, n) => sum + n, 0)
    }
    await eventually('both run', async () => (await running()) === 2)
    controllers[0]?.abort()
    await slow[0]
    await eventually('one has ended', async () => (await running()) === 1)
    controllers[1]?.abort()
    await slow[1]
    await eventually('both have ended', async () => (await running()) === 0)
  })

  test('a killed session is not used again', async () => {
    const { db } = ground()
    const kysely = given()
    const pids = async (): Promise<number> =>
      (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(kysely.withPlugin(onMaster))).rows[0]?.pid ??
      0
    const before = await pids()
    const controller = new AbortController()
    const query = sql`select pg_sleep(30)`.compile(kysely.withPlugin(onMaster))
    const killed = rejection(
      kysely.executeQuery(query, { signal: controller.signal, inflightQueryAbortStrategy: 'kill session' }),
    )
    await eventually('it runs', () => db.metrics().drivers.some(({ used }) => used > 0))
    controller.abort()
    await killed
    await eventually('the lease has ended', () => db.metrics().drivers.every(({ used }) => used === 0))
    expect(await pids()).not.toBe(before)
  })

  test('a stream that is left early gives its connection back', async () => {
    const numbers = given()
      .selectFrom(sql<{ n: number }>`generate_series(1, 100000)`.as('n'))
      .selectAll()
    let rows = 0
    for await (const row of numbers.stream(10)) {
      rows += 1
      expect(row).toEqual({ n: 1 })
      break
    }
    expect(rows).toBe(1)
  })

  test('a stream without pg-cursor says what is missing', async () => {
    const numbers = given({ cursor: undefined }).selectFrom('story').selectAll()
    expect(await rejection(numbers.stream().next())).toMatchObject({ code: 'ERR_HASQL_OPTIONS', option: 'cursor' })
  })

  test('hooks see each connection once, and each lease; their failure is the statement’s', async () => {
    let [created, reserved] = [0, 0]
    const kysely = given({
      onCreateConnection: async () => void (created += 1),
      onReserveConnection: async () => void (reserved += 1),
    }).withPlugin(onMaster)
    for (let time = 0; time < 3; time += 1) await kysely.selectFrom('story').selectAll().execute()
    expect([created, reserved]).toEqual([1, 3])
    const failing = given({ onReserveConnection: () => Promise.reject(new Error('not today')) })
    const refused = await rejection(failing.selectFrom('story').selectAll().execute())
    expect(refused).toMatchObject({ message: 'not today' })
  })

  test('a hook may run what it likes where the statement runs', async () => {
    const kysely = given({
      onReserveConnection: async (connection: { executeQuery: (query: unknown) => Promise<unknown> }) => {
        await connection.executeQuery(sql`set application_name = 'prepared'`.compile(given()))
      },
    })
    const name = sql<{
      name: string
      port: number
    }>`select current_setting('application_name') as name, ${PORT} as port`
    const { rows } = await name.execute(kysely)
    expect(rows[0]?.name).toBe('prepared')
    expect(ground().replicaPorts).toContain(rows[0]?.port)
  })

  test('what is no manager, or no option, is refused', () => {
    expect(() => new HasqlDialect(untyped({}))).toThrow('new PoolManager(dsn)')
    expect(() => new HasqlDialect(ground().db, untyped({ cursors: Cursor }))).toThrow('Did you mean cursor?')
  })

  test('a destroyed Kysely leaves the manager open', async () => {
    const kysely = given()
    await kysely.selectFrom('story').selectAll().execute()
    await kysely.destroy()
    expect(await rejection(kysely.selectFrom('story').selectAll().execute())).toBeInstanceOf(Error)
    await ground().db.withMaster((connection) => connection.query('select 1'))
  })
})

detailSuite('Kysely: sessions', (ground) => {
  const used = (db: PoolManager): number => db.metrics().drivers.reduce((sum, { used: leases }) => sum + leases, 0)
  const identity = sql<{ port: number; pid: number }>`select ${PORT} as port, pg_backend_pid() as pid`

  test('a session has one connection of the role asked for, and gives it back at the end of its scope', async () => {
    const { db, masterPort, replicaPorts } = ground()
    {
      await using reading = await createSession<Database>(db, { readOnly: true })
      const seen = await Promise.all(Array.from({ length: 3 }, () => identity.execute(reading)))
      expect(new Set(seen.map(({ rows }) => rows[0]?.pid)).size).toBe(1)
      expect(replicaPorts).toContain(seen[0]?.rows[0]?.port)
      expect(used(db)).toBe(1)
      expect(await rejection(reading.insertInto('story').values({ id: 300 }).execute())).toMatchObject({
        code: '25006',
      })
    }
    expect(used(db)).toBe(0)
    await using writing = await createSession<Database>(db)
    expect((await identity.execute(writing)).rows[0]?.port).toBe(masterPort)
    await writing.transaction().execute((trx) => trx.insertInto('story').values({ id: 301 }).execute())
    expect((await identity.execute(writing)).rows[0]?.port).toBe(masterPort)
  })

  test('transactions of one session come one after the other', async () => {
    await using session = await createSession<Database>(ground().db)
    const insert = (id: number, failure?: Error): Promise<void> =>
      session.transaction().execute(async (trx) => {
        await trx.insertInto('story').values({ id }).execute()
        if (failure !== undefined) throw failure
      })
    const failed = rejection(insert(302, new Error('changed my mind')))
    await insert(303)
    expect(await failed).toMatchObject({ message: 'changed my mind' })
    const kept = session.selectFrom('story').select('id').where('id', 'in', [302, 303])
    expect(await kept.execute()).toEqual([{ id: 303 }])
  })

  test('it is given back once, whatever is called how often', async () => {
    const { db } = ground()
    const session = await createSession<Database>(db)
    await session.destroy()
    const next = await db.acquireMaster()
    await session.destroy()
    await session.withPlugin(onMaster).destroy()
    expect(used(db)).toBe(1)
    expect(await rejection(session.selectFrom('story').selectAll().execute())).toBeInstanceOf(Error)
    next.release()
  })

  test('it is given back by a copy with other plugins, too', async () => {
    const { db } = ground()
    const session = await createSession<Database>(db)
    const copy = session.withSchema('public')
    await copy.selectFrom('story').selectAll().execute()
    await copy.destroy()
    expect(used(db)).toBe(0)
    await session.destroy()
  })

  test('a connection with a transaction left open is closed, a sound one is used again', async () => {
    const { db } = ground()
    const pidOf = async (spoil: (session: Kysely<Database>) => Promise<unknown>): Promise<number | undefined> => {
      await using session = await createSession<Database>(db)
      const { rows } = await identity.execute(session)
      await spoil(session)
      return rows[0]?.pid
    }
    const sound = await pidOf(async () => undefined)
    const failed = await pidOf(async (session) => {
      const work = session.transaction().execute((trx) => sql`select 1 / 0`.execute(trx))
      expect(await rejection(work)).toMatchObject({ code: '22012' })
    })
    expect(failed).toBe(sound)
    const leftOpen = await pidOf(async (session) => {
      const trx = await session.startTransaction().execute()
      await rejection(sql`select 1 / 0`.execute(trx))
    })
    expect(leftOpen).toBe(sound)
    const next = await pidOf(async () => undefined)
    expect(next).not.toBe(sound)
    const busy = await pidOf(async (session) => {
      void rejection(sql`select pg_sleep(30)`.execute(session))
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    expect(busy).toBe(next)
    expect(await pidOf(async () => undefined)).not.toBe(next)
  })

  test('options of an acquire that make no sense together are refused', async () => {
    const { db } = ground()
    const refused = await rejection(createSession(db, { fallbackMaster: true }))
    expect(refused).toMatchObject({ code: 'ERR_HASQL_OPTIONS', option: 'fallbackMaster' })
    expect(await rejection(createSession(db, untyped({ readonly: true })))).toMatchObject({ option: 'readonly' })
  })
})

detailSuite(
  'Kysely: over TLS',
  (ground) => {
    test('an abort reaches the server encrypted', async () => {
      const kysely = new Kysely<Database>({ dialect: new HasqlDialect(ground().db) })
      const controller = new AbortController()
      const slow = rejection(
        sql`select pg_sleep(30)`.execute(kysely, {
          signal: controller.signal,
          inflightQueryAbortStrategy: 'cancel query',
        }),
      )
      await eventually('it runs', () =>
        ground()
          .db.metrics()
          .drivers.some(({ used: leases }) => leases > 0),
      )
      controller.abort()
      await slow
      const { ssl } = ground().db.pools[0]?.options ?? {}
      expect(ssl).toBeTypeOf('object')
    })
  },
  { replicas: 1, ssl: true },
)
