import Cursor from 'pg-cursor'
import {
  BackendTerminatedError,
  InputSyntaxError,
  StatementCancelledError,
  UnexpectedForeignConnectionError,
  UniqueIntegrityConstraintViolationError,
  sql,
} from 'slonik'
import type { DatabasePool, QuerySqlToken } from 'slonik'
import { beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { createHasqlPool } from 'hasql/slonik'
import { eventually, rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

type Queries = Pick<DatabasePool, 'any' | 'anyFirst' | 'oneFirst'>

const PORT = sql.unsafe`select current_setting('port')::int as port`
const PID = sql.unsafe`select pg_backend_pid() as pid`
const KILL = sql.unsafe`select pg_terminate_backend(pg_backend_pid())`
const insert = (id: number): QuerySqlToken => sql.unsafe`insert into story (id) values (${id}) returning port`
const textOnly = (words: string): QuerySqlToken => ({ ...PORT, sql: words, values: [] })
const numberOf = async (pool: Queries, query = PORT): Promise<number> => Number(await pool.oneFirst(query))

async function open({ db }: Opened): Promise<Subject> {
  const pool = await createHasqlPool(db, { cursor: Cursor })
  return {
    read: () => numberOf(pool),
    write: (id) => numberOf(pool, insert(id)),
    transaction: (id, failure) =>
      pool.transaction(async (tx) => {
        await tx.query(insert(id))
        if (failure !== undefined) throw failure
        await tx.query(insert(-id))
      }),
    stream: async () => {
      let rows = 0
      await pool.stream(sql.unsafe`select generate_series(1, 1000) as n`, (stream) => {
        stream.on('data', () => (rows += 1))
      })
      return rows
    },
    cancel: async (statement, signal) => {
      await pool.master.stream(textOnly(statement), (stream) => {
        stream.on('data', () => undefined)
        signal.addEventListener('abort', () => stream.destroy(new Error('called off')))
      })
    },
    close: () => pool.end(),
  }
}

integrationSuite({ name: 'Slonik', package: 'slonik', open })

detailSuite('where slonik sends what', (ground) => {
  test('reads to replicas, everything else to the master, and where it is told', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const pool = await createHasqlPool(db, { cursor: Cursor })
    expect(replicaPorts).toContain(await numberOf(pool))
    expect(await pool.exists(sql.unsafe`select 1 where ${1} = ${1}`)).toBe(true)
    for (const words of [
      "with new as (insert into story values (2) returning port) select current_setting('port') from new",
      "select current_setting('port') from story for update",
      "select current_setting('port') from pg_advisory_xact_lock(1)",
    ]) {
      expect(await numberOf(pool, textOnly(words))).toBe(masterPort)
    }
    expect(await pool.connect((connection) => numberOf(connection))).toBe(masterPort)
    expect(await pool.transaction((tx) => numberOf(tx))).toBe(masterPort)
    expect(await numberOf(pool.master)).toBe(masterPort)
    const ports = await pool.replica.transaction(async (tx) => [await numberOf(tx), await numberOf(tx)])
    expect(replicaPorts).toContain(ports[0])
    expect(ports[1]).toBe(ports[0])
    expect(await rejection(pool.replica.query(insert(3)))).toMatchObject({ code: '25006' })
    await pool.end()
  })

  test('a query past the transaction that it is made in is refused, on a replica too', async () => {
    const { db } = ground()
    const pool = await createHasqlPool(db)
    const strayed = pool.transaction(() => pool.any(PORT))
    expect(await rejection(strayed)).toBeInstanceOf(UnexpectedForeignConnectionError)
    await pool.end()
  })

  test('how a read chooses is as the pool was told', async () => {
    const { db, masterPort } = ground()
    const pool = await createHasqlPool(db, { masterAsReplicaWeight: 1 })
    expect(await numberOf(pool)).toBe(masterPort)
    await pool.end()
  })

  test('the interceptors of the caller are asked once for each query, and may choose another pool', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const asked: string[] = []
    const other = await createHasqlPool(db)
    const pool = await createHasqlPool(db, {
      interceptors: [
        {
          name: 'watching',
          beforePoolConnection: ({ query }) => {
            asked.push(query?.sql ?? 'several')
            return query?.sql.includes('elsewhere') === true ? other.master : null
          },
        },
      ],
    })
    expect(replicaPorts).toContain(await numberOf(pool))
    expect(await numberOf(pool, insert(4))).toBe(masterPort)
    await pool.connect((connection) => numberOf(connection))
    expect(asked).toEqual([PORT.sql, insert(4).sql, 'several'])
    expect(await numberOf(pool, textOnly("select current_setting('port') as elsewhere"))).toBe(masterPort)
    await Promise.all([pool.end(), other.end()])
  })

  test('one pool is told of all errors and ends all three; the manager stays open', async () => {
    const { db } = ground()
    const pool = await createHasqlPool(db)
    const heard: unknown[] = []
    pool.on('error', (error) => heard.push(error))
    const failures = [pool, pool.master, pool.replica].map((each) => rejection(each.any(textOnly('select frm'))))
    const syntax = [pool, pool.master, pool.replica].map((each) => rejection(each.any(textOnly('select from where'))))
    expect(await Promise.all(failures)).toMatchObject([{ code: '42703' }, { code: '42703' }, { code: '42703' }])
    expect(await Promise.all(syntax)).toEqual(heard)
    await pool.end()
    for (const each of [pool, pool.master, pool.replica]) {
      expect(await rejection(each.any(PORT))).toHaveProperty('message', expect.stringContaining('shut down'))
    }
    expect(await db.withMaster((connection) => connection.query('select 1 as one'))).toMatchObject({
      rows: [{ one: 1 }],
    })
  })
})

const TYPES = `create type mood as enum ('glad', 'sad');
  create table moods (id bigint primary key, mood mood, moods mood[][], at timestamptz, labels text[]);
  grant all on moods to public`

detailSuite(
  'what slonik reads and reports',
  (ground) => {
    beforeAll(async () => {
      await (await ground().cluster.master()).query(TYPES)
    })

    const mood = { name: 'mood', parse: (value: string) => value.toUpperCase() }

    test('values of the types that there is a parser for, lists of them, and all others as pg does', async () => {
      const { db } = ground()
      const bare = await createHasqlPool(db, { fallbackMaster: true })
      const row = sql.unsafe`
        insert into moods values (1, 'glad', array[array['glad', null], array['sad', 'glad']]::mood[], to_timestamp(1), array['a'])
        returning *`
      expect(await bare.one(row)).toMatchObject({ id: 1n, mood: 'glad', at: 1_000, labels: ['a'] })
      const pool = await createHasqlPool(db, { fallbackMaster: true, typeParsers: [mood], cursor: Cursor })
      const read = sql.unsafe`select * from moods`
      const parsed = {
        id: '1',
        mood: 'GLAD',
        moods: [
          ['GLAD', null],
          ['SAD', 'GLAD'],
        ],
        at: new Date(1_000),
      }
      expect(await pool.one(read)).toMatchObject(parsed)
      const { fields } = await pool.query(read)
      expect(fields[0]).toEqual({ name: 'id', dataTypeId: 20 })
      const streamed: unknown[] = []
      await pool.stream(read, (stream) => {
        stream.on('data', (data) => streamed.push(data))
      })
      expect(streamed).toMatchObject([{ data: parsed, fields: [{ name: 'id', dataTypeId: 20 }, {}, {}, {}, {}] }])
      const wrong = await createHasqlPool(db, { typeParsers: [mood, { name: 'temper', parse: String }] })
      expect(await rejection(wrong.master.any(read))).toMatchObject({ option: 'typeParsers' })
      await Promise.all([bare, pool, wrong].map((each) => each.end()))
    })

    test('errors of a server as slonik’s own classes, and only one statement in a text', async () => {
      const { db } = ground()
      const pool = await createHasqlPool(db)
      await pool.query(insert(1))
      const twice = await rejection(pool.query(insert(1)))
      expect(twice).toBeInstanceOf(UniqueIntegrityConstraintViolationError)
      expect(twice).toMatchObject({ table: 'story', columns: ['id'] })
      const two = await rejection(pool.master.query(textOnly('delete from story; select 1')))
      expect(two).toBeInstanceOf(InputSyntaxError)
      expect(await numberOf(pool.master, sql.unsafe`select count(*) from story where id = 1`)).toBe(1)
      const cancelled = pool.master.any(sql.unsafe`select pg_cancel_backend(pg_backend_pid()), pg_sleep(5)`)
      expect(await rejection(cancelled)).toBeInstanceOf(StatementCancelledError)
      await pool.end()
    })

    test('notices, and statements with a name', async () => {
      const { db } = ground()
      const pool = await createHasqlPool(db)
      const told = sql.unsafe`do $$ begin raise notice 'mind the gap'; end $$`
      expect((await pool.query(told)).notices).toMatchObject([{ message: 'mind the gap' }])
      const named = { ...sql.unsafe`select ${'tea'}::text as item`, name: 'item' }
      const items = await pool.connect(async (connection) => [
        await connection.oneFirst(named),
        await connection.oneFirst(named),
        await connection.oneFirst(sql.unsafe`select name from pg_prepared_statements`),
      ])
      expect(items).toEqual(['tea', 'tea', 'item'])
      // The documentation warns of this.
      const discarding = await createHasqlPool(db, { resetConnection: ({ query }) => query('DISCARD ALL') })
      const other = { ...named, name: 'other' }
      expect(await discarding.master.oneFirst(other)).toBe('tea')
      expect(await rejection(discarding.master.oneFirst(other))).toHaveProperty('code', '26000')
      await Promise.all([pool.end(), discarding.end()])
    })
  },
  { replicas: 0 },
)

detailSuite(
  'a connection of slonik’s',
  (ground) => {
    const pidsOf = async (pool: Queries, count = 3): Promise<ReadonlySet<number>> => {
      const seen = new Set<number>()
      for (let at = 0; at < count; at += 1) seen.add(await numberOf(pool, PID))
      return seen
    }

    test('is a lease from the first statement on, and is given back after an error, too', async () => {
      const { db } = ground()
      const { master, end } = await createHasqlPool(db)
      const used = (): number => db.metrics().drivers.reduce((sum, each) => sum + each.used, 0)
      const [pid] = await pidsOf(master)
      const failed = master.connect(async (connection) => {
        expect(used()).toBe(0)
        expect(await numberOf(connection, PID)).toBe(pid)
        expect(used()).toBe(1)
        throw new Error('changed my mind')
      })
      expect(await rejection(failed)).toMatchObject({ message: 'changed my mind' })
      expect(await rejection(master.one(sql.unsafe`select 1 where false`))).toMatchObject({ name: 'Error' })
      const rolledBack = master.transaction(async (tx) => {
        await tx.query(insert(10))
        throw new Error('changed my mind')
      })
      expect(await rejection(rolledBack)).toMatchObject({ message: 'changed my mind' })
      expect(await pidsOf(master)).toEqual(new Set([pid]))
      await end()
    })

    test('that is left in a transaction is closed', async () => {
      const { db } = ground()
      const { master, end } = await createHasqlPool(db)
      const [pid] = await pidsOf(master)
      await master.connect((connection) => connection.query(sql.unsafe`begin`))
      expect(await pidsOf(master)).not.toContain(pid)
      await end()
    })

    test('is reset if that is wanted, and closed where slonik does not', async () => {
      const { db } = ground()
      const { master, end } = await createHasqlPool(db, { resetConnection: ({ query }) => query('reset all') })
      const setting = sql.unsafe`select current_setting('my.setting', true)`
      const set = sql.unsafe`select set_config('my.setting', 'mine', false), pg_backend_pid() as pid`
      await master.connect((connection) => connection.any(set))
      expect([null, '']).toContain(await master.oneFirst(setting))
      const [pid] = await pidsOf(master)
      const failed = master.connect(async (connection) => {
        await connection.any(set)
        throw new Error('changed my mind')
      })
      await rejection(failed)
      expect(await pidsOf(master)).not.toContain(pid)
      await end()
    })

    test('that is killed ends nothing but what ran on it', async () => {
      const { db, cluster } = ground()
      const { master, end } = await createHasqlPool(db)
      expect(await rejection(master.any(KILL))).toBeInstanceOf(BackendTerminatedError)
      const inTransaction = master.transaction(async (tx) => {
        await tx.query(insert(20))
        await tx.query(KILL)
      })
      expect(await rejection(inTransaction)).toBeInstanceOf(BackendTerminatedError)
      const node = await cluster.master()
      const idle = master.transaction(async (tx) => {
        await tx.query(insert(20))
        await node.query(`select pg_terminate_backend(${await numberOf(tx, PID)})`)
        await new Promise((resolve) => setTimeout(resolve, 5_000))
      })
      const startMs = performance.now()
      expect(await rejection(idle)).toBeInstanceOf(BackendTerminatedError)
      expect(performance.now() - startMs).toBeLessThan(4_000)
      expect(await master.exists(sql.unsafe`select from story where id = 20`)).toBe(false)
      await end()
    })

    test('that is killed under a stream, or is not there yet when nobody wants the stream any more, is no loss', async () => {
      const { db, cluster } = ground()
      const { master, end } = await createHasqlPool(db, { cursor: Cursor })
      const endless = sql.unsafe`select pg_backend_pid() as pid, n from generate_series(1, 1000000) n`
      const node = await cluster.master()
      const killed = master.stream(endless, (stream) => {
        stream.once('data', ({ data }: { data: { pid: number } }) => {
          stream.pause()
          void node.query(`select pg_terminate_backend(${data.pid})`)
        })
      })
      expect(await rejection(killed)).toBeInstanceOf(BackendTerminatedError)
      const held = await Promise.all([db.acquireMaster(), db.acquireMaster()])
      const unwanted = master.stream(endless, (stream) => {
        stream.on('data', () => undefined)
        setTimeout(() => stream.destroy(new Error('enough')), 20)
      })
      expect(await rejection(unwanted)).toMatchObject({ message: 'enough' })
      for (const connection of held) connection.release()
      expect(await numberOf(master)).toBe(node.port)
      await end()
    })

    test('of a broken off stream goes on in its transaction', async () => {
      const { db } = ground()
      const { master, end } = await createHasqlPool(db, { cursor: Cursor })
      const endless = sql.unsafe`select generate_series(1, 1000000) as n`
      const breakOff = (pool: Pick<DatabasePool, 'stream'>): Promise<unknown> =>
        rejection(
          pool.stream(endless, (stream) => {
            stream.on('data', () => stream.destroy(new Error('enough')))
          }),
        )
      expect(await breakOff(master)).toMatchObject({ message: 'enough' })
      await master.transaction(async (tx) => {
        await tx.query(insert(30))
        expect(await breakOff(tx)).toMatchObject({ message: 'enough' })
        await tx.query(insert(31))
      })
      expect(await numberOf(master, sql.unsafe`select count(*) from story where id in (30, 31)`)).toBe(2)
      const wrong = master.stream(sql.unsafe`select 1 / (n - 250) from generate_series(1, 1000) n`, (stream) => {
        stream.on('data', () => undefined)
      })
      expect(await rejection(wrong)).toMatchObject({ code: '22012' })
      const { master: bare, end: endBare } = await createHasqlPool(db)
      expect(await rejection(bare.stream(PORT, () => undefined))).toMatchObject({ option: 'cursor' })
      await Promise.all([end(), endBare()])
    })

    test('is waited for no longer than the manager says', async () => {
      const { cluster } = ground()
      const other = new PoolManager(cluster.dsn, { acquireTimeoutMs: 50, poolOptions: { max: 1 } })
      await other.ready()
      const pool = await createHasqlPool(other)
      const held = await other.acquireMaster()
      const waited = await rejection(pool.query(insert(40)))
      expect(waited).toHaveProperty('code', 'ERR_HASQL_ACQUIRE_TIMEOUT')
      expect(waited).toHaveProperty('message', expect.stringContaining('raise poolOptions.max'))
      expect(await rejection(pool.transaction(async () => undefined))).toMatchObject({ reason: 'pool-exhausted' })
      const late = rejection(pool.query(insert(41)))
      const ended = pool.end()
      held.release()
      await Promise.all([late, ended])
      await other.close()
      const after = await createHasqlPool(other)
      expect(await rejection(after.any(PORT))).toMatchObject({ code: 'ERR_HASQL_CLOSED' })
    })

    test('does as well as many others at once', async () => {
      const { db } = ground()
      const pool = await createHasqlPool(db)
      const rows = await Promise.all(
        Array.from({ length: 200 }, (_, at) => pool.oneFirst(sql.unsafe`select ${at}::int`)),
      )
      expect(rows).toEqual(Array.from({ length: 200 }, (_, at) => at))
      await eventually('every slot is free', () => pool.replica.state().acquiredConnections === 0)
      await pool.end()
    })
  },
  { replicas: 0 },
  { fallbackMaster: true },
)
