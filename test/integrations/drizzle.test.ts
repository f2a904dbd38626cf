import { eq, inArray, sql } from 'drizzle-orm'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createSession, drizzle } from 'hasql/drizzle'
import type { PoolManager } from 'hasql/pg'
import { rejection } from '../support/eventually.ts'
import { untyped } from '../support/untyped.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const story = pgTable('story', {
  id: integer().primaryKey(),
  port: integer()
    .notNull()
    .default(sql`current_setting('port')::int`),
})
const schema = { story }
const port = sql<number>`current_setting('port')::int`
const one = sql`(select 1) as one`

/** Drizzle as its users know it, on the database of `hasql/drizzle`. */
async function open({ db }: Opened): Promise<Subject> {
  const orm = drizzle(db)
  return {
    read: async () => (await orm.select({ port }).from(one))[0]?.port ?? 0,
    write: async (id) => (await orm.insert(story).values({ id }).returning({ port: story.port }))[0]?.port ?? 0,
    transaction: (id, failure) =>
      orm.transaction(async (tx) => {
        await tx.insert(story).values({ id })
        if (failure !== undefined) throw failure
        await tx.insert(story).values({ id: -id })
      }),
    close: async () => undefined,
  }
}

const lacks = {
  streaming: 'drizzle-orm 0.45 has no iterator for PostgreSQL',
  cancel: 'drizzle-orm 0.45 takes no AbortSignal',
}
integrationSuite({ name: 'Drizzle', package: 'drizzle-orm', open, lacks })

const used = (db: PoolManager): number => db.metrics().drivers.reduce((sum, { used: leases }) => sum + leases, 0)

detailSuite('Drizzle: where statements go', (ground) => {
  const given = () => drizzle(ground().db, { schema })

  test('with … insert and select … for update go to the master, raw reads to a replica', async () => {
    const { masterPort, replicaPorts } = ground()
    const orm = given()
    const written = orm.$with('written').as(orm.insert(story).values({ id: 100 }).returning())
    expect(await orm.with(written).select().from(written)).toEqual([{ id: 100, port: masterPort }])
    const locked = await orm.select({ here: port }).from(story).for('update')
    expect(locked).toEqual([{ here: masterPort }])
    const { rows } = await orm.execute<{ port: number }>(sql`select ${port} as port`)
    expect(replicaPorts).toContain(rows[0]?.port)
    await orm.execute(sql`create temp table scratch ()`)
    expect(await orm.$count(story)).toBe(1)
  })

  test('relational queries and prepared ones are reads', async () => {
    const { replicaPorts } = ground()
    const orm = given()
    await orm.insert(story).values({ id: 101 })
    const extras = { here: port.as('here') }
    const found = await orm.query.story.findMany({ extras, limit: 1 })
    expect(replicaPorts).toContain(found[0]?.here)
    const prepared = orm.select({ here: port }).from(one).prepare('where_am_i')
    for (let time = 0; time < 3; time += 1) expect(replicaPorts).toContain((await prepared.execute())[0]?.here)
  })

  test('the application says what it knows better', async () => {
    const { masterPort, replicaPorts } = ground()
    const { $primary, $replica } = given()
    expect(await $primary.select({ port }).from(one)).toEqual([{ port: masterPort }])
    const { rows } = await $replica.execute<{ port: string }>(sql`show port`)
    expect(replicaPorts.map(String)).toContain(rows[0]?.port)
    const refused = await rejection($replica.insert(story).values({ id: 102 }))
    expect(refused).toMatchObject({ cause: { code: '25006' } })
  })

  test('reads inside transactions go to the master, those of a transaction on a replica there', async () => {
    const { masterPort, replicaPorts } = ground()
    const orm = given()
    const ports = await orm.transaction(async (tx) => [
      (await tx.select({ port }).from(one))[0]?.port,
      await tx.transaction(async (nested) => (await nested.select({ port }).from(one))[0]?.port),
    ])
    expect(ports).toEqual([masterPort, masterPort])
    const reading = await orm.$replica.transaction(async (tx) => tx.select({ port }).from(one), {
      accessMode: 'read only',
    })
    expect(replicaPorts).toContain(reading[0]?.port)
  })

  test('$client is a pg.Pool', async () => {
    const { $client, $primary, $replica } = given()
    for (const client of [$client, $primary.$client, $replica.$client]) expect(client).toBeInstanceOf(pg.Pool)
    const client = await $client.connect()
    await client.query('select 1')
    client.release()
    await new Promise<void>((resolve, reject) => {
      $client.connect((error, leased, done) => {
        done()
        if (error === undefined && leased !== undefined) resolve()
        else reject(error ?? new Error('There is no client'))
      })
    })
    expect($client.totalCount).toBeGreaterThan(0)
  })

  test('what is no manager is refused, and so is a second way to connect', () => {
    expect(() => drizzle(untyped(new pg.Pool()))).toThrow('new PoolManager(dsn)')
    expect(() => drizzle(ground().db, untyped({ connection: 'postgresql://localhost' }))).toThrow(
      "leave 'connection' out",
    )
  })
})

detailSuite('Drizzle: transactions that end badly', (ground) => {
  const given = () => drizzle(ground().db, { schema })
  const killer = (db: PoolManager, pid: number | undefined) =>
    db.withMaster((connection) => connection.query('select pg_terminate_backend($1)', [pid]))
  const pid = sql<number>`pg_backend_pid()`

  test('one whose BEGIN fails leaves no connection behind', async () => {
    const { db } = ground()
    const begun = given().$replica.transaction(async () => undefined, { isolationLevel: 'serializable' })
    expect(await rejection(begun)).toMatchObject({ cause: { code: '0A000' } })
    expect(used(db)).toBe(0)
  })

  test('one whose connection dies tells of that, not of its rollback', async () => {
    const { db } = ground()
    const died = given().transaction(async (tx) => {
      const [row] = await tx.select({ pid }).from(one)
      await killer(db, row?.pid)
      await tx.insert(story).values({ id: 200 })
    })
    const error = await rejection(died)
    expect(String(error)).toContain('insert into "story"')
    expect(error).toMatchObject({ cause: { code: expect.stringMatching(/^(?:ERR_HASQL_HOST_LOST|57P01)$/) as string } })
  })

  test('the error of the application is passed on, whatever becomes of the rollback', async () => {
    const { db } = ground()
    const failed = given().transaction(async (tx) => {
      const [row] = await tx.select({ pid }).from(one)
      await killer(db, row?.pid)
      throw new Error('changed my mind')
    })
    expect(await rejection(failed)).toMatchObject({ message: 'changed my mind' })
  })

  test('a nested one is rolled back alone', async () => {
    const orm = given()
    await orm.transaction(async (tx) => {
      await tx.insert(story).values({ id: 201 })
      const nested = tx.transaction(async (inner) => {
        await inner.insert(story).values({ id: 202 })
        throw new Error('changed my mind')
      })
      expect(await rejection(nested)).toMatchObject({ message: 'changed my mind' })
    })
    const kept = await orm.$primary
      .select({ id: story.id })
      .from(story)
      .where(inArray(story.id, [201, 202]))
    expect(kept).toEqual([{ id: 201 }])
  })
})

detailSuite('Drizzle: sessions', (ground) => {
  const identity = { port, pid: sql<number>`pg_backend_pid()` }

  test('a session has one connection of the role asked for, and gives it back at the end of its scope', async () => {
    const { db, masterPort, replicaPorts } = ground()
    {
      await using reading = await createSession(db, { readOnly: true, schema })
      const seen = await Promise.all(Array.from({ length: 3 }, () => reading.select(identity).from(one)))
      expect(new Set(seen.map(([row]) => row?.pid)).size).toBe(1)
      expect(replicaPorts).toContain(seen[0]?.[0]?.port)
      expect(await reading.query.story.findMany()).toEqual([])
      expect(used(db)).toBe(1)
    }
    expect(used(db)).toBe(0)
    await using writing = await createSession(db, { schema })
    const [{ pid } = { pid: 0 }] = await writing.select(identity).from(one)
    const inside = await writing.transaction(async (tx) => {
      await tx.insert(story).values({ id: 300 })
      return tx.select(identity).from(one)
    })
    expect(inside).toEqual([{ port: masterPort, pid }])
    expect(await writing.select().from(story).where(eq(story.id, 300))).toHaveLength(1)
  })

  test('a second transaction at the same time is refused before it mixes with the first', async () => {
    await using session = await createSession(ground().db)
    const insert = (id: number) =>
      session.transaction(async (tx) => {
        await tx.insert(story).values({ id })
      })
    const [first, second] = await Promise.allSettled([insert(301), insert(302)])
    expect(first).toMatchObject({ status: 'fulfilled' })
    expect(second).toMatchObject({ reason: { cause: { code: 'ERR_HASQL_SESSION_BUSY' } } })
    await insert(303)
    const kept = await session
      .select({ id: story.id })
      .from(story)
      .where(inArray(story.id, [301, 302, 303]))
    expect(kept.map(({ id }) => id).sort()).toEqual([301, 303])
  })

  test('it is given back once; what comes after that is refused', async () => {
    const { db } = ground()
    const session = await createSession(db)
    await session.close()
    const next = await db.acquireMaster()
    await session.close()
    expect(used(db)).toBe(1)
    expect(await rejection(session.select({ port }).from(one))).toMatchObject({
      cause: { code: 'ERR_HASQL_UNKNOWN_CONNECTION' },
    })
    next.release()
  })

  test('a connection with a transaction left open is closed, a sound one is used again', async () => {
    const { db } = ground()
    type Session = Awaited<ReturnType<typeof createSession>>
    const pidOf = async (spoil: (session: Session) => Promise<unknown>): Promise<number | undefined> => {
      await using session = await createSession(db)
      const [row] = await session.select(identity).from(one)
      await spoil(session)
      return row?.pid
    }
    const sound = await pidOf(async () => undefined)
    const failed = await pidOf(async (session) => {
      const work = session.transaction(async (tx) => tx.execute(sql`select 1 / 0`))
      expect(await rejection(work)).toMatchObject({ cause: { code: '22012' } })
    })
    expect(failed).toBe(sound)
    const leftOpen = await pidOf(async (session) => {
      await session.execute(sql`begin`)
      await rejection(session.execute(sql`select 1 / 0`))
    })
    expect(leftOpen).toBe(sound)
    const next = await pidOf(async () => undefined)
    expect(next).not.toBe(sound)
    const busy = await pidOf(async (session) => {
      void rejection(session.execute(sql`select pg_sleep(30)`))
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    expect(busy).toBe(next)
    expect(await pidOf(async () => undefined)).not.toBe(next)
  })

  test('options of an acquire that make no sense together are refused', async () => {
    const { db } = ground()
    expect(await rejection(createSession(db, { masterAsReplicaWeight: 0.5 }))).toMatchObject({
      code: 'ERR_HASQL_OPTIONS',
      option: 'masterAsReplicaWeight',
    })
    expect(await rejection(createSession(db, untyped({ readonly: true })))).toMatchObject({ option: 'readonly' })
  })
})
