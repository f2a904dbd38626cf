import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { eq, sql } from 'drizzle-orm'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AcquireTimeoutError, HostLostError, ManagerClosedError, PoolManager } from 'hasql/postgres'
import type { PostgresManagerOptions } from 'hasql/postgres'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

const MAX = 3

let cluster: PgCluster
let master: PgNode
let db: PoolManager

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
})
afterAll(async () => {
  await cluster.close()
})
beforeEach(async () => {
  await master.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [cluster.user])
  db = open()
  await db.ready()
  await db.master`drop table if exists story`
  await db.master`create table story (id int primary key, word text, done boolean default false)`
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
})

function open(options: PostgresManagerOptions = {}, dsn = cluster.dsn): PoolManager {
  const poolOptions = { max: MAX, onnotice: () => undefined, ...options.poolOptions }
  return new PoolManager(dsn, { ...options, poolOptions })
}

function sizes(): { used: number; total: number } {
  const found = db.metrics().drivers.find(({ state }) => state === 'master')
  if (found === undefined) throw new Error('no master')
  return { used: found.used, total: found.total }
}

/** Their farewells have been read when this resolves: whatever is asked next meets no backend that is about to end. */
async function killAll(): Promise<void> {
  const killed = await master.query<{ pid: number }>(
    `select pid, pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and application_name !~ 'probe'`,
    [cluster.user],
  )
  const pids = killed.map(({ pid }) => pid)
  await eventually('the backends have ended', async () => {
    const left = await master.query('select from pg_stat_activity where pid = any($1::int[])', [pids])
    return left.length === 0
  })
  await new Promise(setImmediate)
}
const running = async (text: string): Promise<number> => {
  const [row] = await master.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where state = 'active' and query like $1 || '%'`,
    [text],
  )
  return row?.n ?? 0
}

describe('what an sql of postgres.js does', () => {
  test('writes go to the master, reads to the replica', async () => {
    expect(await db.master`select pg_is_in_recovery() as replica`).toEqual([{ replica: false }])
    expect(await db.replica`select pg_is_in_recovery() as replica`).toEqual([{ replica: true }])
    expect(await rejection(db.replica`insert into story (id) values (1)`)).toMatchObject({ code: '25006' })
  })

  test('helpers, fragments, types', async () => {
    const sql = db.master
    await sql`insert into story ${sql([
      { id: 1, word: 'one' },
      { id: 2, word: 'two' },
    ])}`
    const rest = (id: number) => sql`and id = ${id}`
    const found = await sql`select ${sql('word')} from ${sql('story')} where id in ${sql([1, 2])} ${rest(2)}`
    expect(found).toEqual([{ word: 'two' }])
    expect(found.count).toBe(1)
    expect(await sql`select ${sql.array([1, 2])}::int[] as a, ${sql.json({ b: 1 })}::jsonb as j`).toEqual([
      { a: [1, 2], j: { b: 1 } },
    ])
    expect(await sql`select ${sql.typed(7, 23)} as n`).toEqual([{ n: 7 }])
    await sql`update story set ${sql({ word: 'zwei' }, 'word')} where id = 2`
    expect(await sql`select word from story where id = 2`.values()).toEqual([['zwei']])
  })

  test('unsafe and all that can be asked of a query', async () => {
    const { master: sql } = db
    expect(await sql.unsafe('select 1 as one; select 2 as two')).toEqual([[{ one: 1 }], [{ two: 2 }]])
    expect(await sql.unsafe('select $1::int + 1 as n', [1])).toEqual([{ n: 2 }])
    expect(await sql.unsafe('select 1 as one').simple()).toEqual([{ one: 1 }])
    expect(await sql.unsafe('select 1 as one, null', []).values()).toEqual([[1, null]])
    expect(await sql`select 'raw' as r`.raw()).toEqual([[Buffer.from('raw')]])
    expect((await sql`select id from story where id = ${1}`.describe()).columns.map(({ name }) => name)).toEqual(['id'])
    const seen: number[] = []
    await sql<{ n: number }[]>`select n from generate_series(1, 5) n`.forEach(({ n }) => seen.push(n))
    for await (const rows of sql<{ n: number }[]>`select n from generate_series(6, 10) n`.cursor(2)) {
      for (const { n } of rows) seen.push(n)
    }
    for await (const _ of sql`select n from generate_series(1, 100) n`.cursor(10)) break
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('a text from a file', async () => {
    const file = join(tmpdir(), `hasql-${randomUUID()}.sql`)
    writeFileSync(file, 'select $1::int as n')
    try {
      expect(await db.master.file(file, [5])).toEqual([{ n: 5 }])
      expect(await rejection(db.master.file(`${file}.not`))).toMatchObject({ code: 'ENOENT' })
    } finally {
      rmSync(file)
    }
  })

  test('COPY in both directions has a connection to itself', async () => {
    const { master: sql } = db
    const into = await sql`copy story (id, word) from stdin`.writable()
    const others = Array.from({ length: 10 }, () => sql`select 1 as one`)
    await pipeline(Readable.from(['1\tone\n', '2\ttwo\n']), into)
    expect(await Promise.all(others)).toHaveLength(10)
    await eventually('the rows are there', async () => (await sql`select from story`).length === 2)
    let text = ''
    const from = await sql`copy (select word from story order by id) to stdout`.readable()
    from.on('data', (chunk) => (text += String(chunk)))
    await new Promise((resolve) => from.on('end', resolve))
    expect(text).toBe('one\ntwo\n')
    await eventually('the connections are back', () => sizes().used === 0)
  })

  test('transactions: commit, rollback, savepoint, mode, several results', async () => {
    const { master: sql } = db
    const result = await sql.begin(async (tx) => {
      await tx`insert into story (id) values (1)`
      await tx.savepoint('inner', async (inner) => inner`insert into story (id) values (1)`).catch(() => undefined)
      await tx.savepoint((inner) => inner`insert into story (id) values (2)`)
      return [tx`select 1 as one`, tx`select 2 as two`]
    })
    expect(result).toEqual([[{ one: 1 }], [{ two: 2 }]])
    expect(
      await rejection(
        sql.begin(async (tx) => {
          await tx`insert into story (id) values (3)`
          throw new Error('changed my mind')
        }),
      ),
    ).toMatchObject({ message: 'changed my mind' })
    expect(await rejection(sql.begin('read only', (tx) => tx`insert into story (id) values (4)`))).toMatchObject({
      code: '25006',
    })
    // One that nobody waited for.
    expect(
      await rejection(
        sql.begin((tx) => {
          void tx`insert into story (id) values (1)`.execute()
        }),
      ),
    ).toMatchObject({
      code: '23505',
    })
    expect((await sql`select id from story order by id`).map(({ id }) => Number(id))).toEqual([1, 2])
    expect(sizes().used).toBe(0)
    await db.replica.begin(async (tx) => tx`select 1`)
  })

  test('statements asked for at once on a lease are answered in order', async () => {
    await using lease = await db.acquireMaster()
    const asked = Array.from({ length: 20 }, (_, n) => lease`select ${n}::int as n`)
    expect((await Promise.all(asked)).map(([row]) => row?.['n'] as number)).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    )
  })

  test('reserve', async () => {
    const reserved = await db.master.reserve()
    const pid = async () => (await reserved`select pg_backend_pid() as pid`)[0]?.['pid'] as number
    expect(await pid()).toBe(await pid())
    expect(sizes().used).toBe(1)
    reserved.release()
    expect(sizes().used).toBe(0)
  })

  test('large objects', async () => {
    const object = await db.master.largeObject()
    await object.write(Buffer.from('large'))
    await object.seek(0)
    await expect(object.read(5)).resolves.toMatchObject([{ data: Buffer.from('large') }])
    await object.close()
    await eventually('the connection is back', () => sizes().used === 0)
  })

  test('parsers and serializers that are changed later hold on every connection', async () => {
    await Promise.all(Array.from({ length: 10 }, () => db.master`select pg_sleep(0.01)`))
    db.master.options.parsers[20] = (text: string) => BigInt(text)
    const asked = Array.from({ length: 10 }, () => db.master`select 1::int8 as n`)
    expect((await Promise.all(asked)).map(([row]) => row?.['n'] as bigint)).toEqual(
      Array.from({ length: 10 }, () => 1n),
    )
    expect(await db.withMaster((sql) => sql`select 2::int8 as n`)).toEqual([{ n: 2n }])
    expect(db.master.parameters['server_version']).toMatch(/^\d/)
  })

  test('what it cannot do, it says', async () => {
    expect(await rejection(db.master.subscribe('*', () => undefined))).toMatchObject({ code: 'ERR_HASQL_UNSUPPORTED' })
    await using lease = await db.acquireMaster()
    expect(await rejection(lease.listen('x', () => undefined))).toMatchObject({ code: 'ERR_HASQL_UNSUPPORTED' })
  })

  test('one host’s own', async () => {
    const [sql] = db.getReplicaPools()
    if (sql === undefined) throw new Error('no replica')
    expect(await sql`select pg_is_in_recovery() as replica`).toEqual([{ replica: true }])
    expect(await sql.begin((tx) => tx`select 1 as one`)).toEqual([{ one: 1 }])
    await Promise.all(Array.from({ length: 10 }, () => sql`select 1`))
  })

  test('end ends it, and the manager goes on', async () => {
    await db.replica.end()
    expect(await rejection(db.replica`select 1`)).toMatchObject({ code: 'CONNECTION_ENDED' })
    expect(await rejection(db.replica.begin((tx) => tx`select 1`))).toMatchObject({ code: 'CONNECTION_ENDED' })
    expect(await db.master`select 1 as one`).toEqual([{ one: 1 }])
  })
})

describe('listen', () => {
  test('follows the master, and takes none of its connections', async () => {
    const small = open({ poolOptions: { max: 1 } })
    const heard: string[] = []
    let begun = 0
    const listening = await small.replica.listen(
      'news',
      (payload) => heard.push(payload),
      () => (begun += 1),
    )
    expect(listening.state.pid).toBeGreaterThan(0)
    await small.master.notify('news', 'first')
    await eventually('it is heard', () => heard.length === 1)
    await killAll()
    await eventually('it listens again', () => begun === 2)
    await small.master`select 1`.catch(() => undefined)
    await small.master.notify('news', 'second')
    await eventually('it is heard', () => heard.length === 2)
    await listening.unlisten()
    await small.master.notify('news', 'third')
    await small.master`select 1`
    expect(heard).toEqual(['first', 'second'])
    await small.close()
  })
})

describe('cancel', () => {
  test('ends the statement at the server that runs it', async () => {
    const { master: sql } = db
    const sleeping = sql`select pg_sleep(30), 'cancel me'`
    const cancelled = rejection(sleeping)
    await eventually('it runs', async () => (await running('select pg_sleep(30)')) === 1)
    sleeping.cancel()
    expect(await cancelled).toMatchObject({ code: '57014' })
    expect(await running('select pg_sleep(30)')).toBe(0)
  })

  test('of what waits for a connection, or for its turn', async () => {
    const small = open({ poolOptions: { max: 1 } })
    await using lease = await small.acquireMaster()
    const waiting = small.master`select 1`
    const cancelled = rejection(waiting)
    await new Promise((resolve) => setTimeout(resolve, 20))
    waiting.cancel()
    expect(await cancelled).toMatchObject({ code: '57014' })
    small.master`select 1`.cancel()
    const slow = lease`select pg_sleep(0.2)`.execute()
    const behind = lease`select pg_sleep(30)`
    const stopped = rejection(behind)
    await new Promise((resolve) => setTimeout(resolve, 50))
    behind.cancel()
    await slow
    expect(await stopped).toMatchObject({ code: '57014' })
    lease.release()
    expect(await small.master`select 1 as one`).toEqual([{ one: 1 }])
    await small.close()
  })
})

describe('shared connections', () => {
  test('are as many as there may be, and statements run behind one another', async () => {
    const asked = Array.from({ length: 60 }, (_, n) => db.master`select ${n}::int as n, pg_sleep(0.001)`)
    const answered = (await Promise.all(asked)).map(([row]) => row?.['n'] as number)
    expect(answered).toEqual(Array.from({ length: 60 }, (_, n) => n))
    expect(sizes()).toEqual({ used: 0, total: MAX })
  })

  test('a value that cannot be sent is the error of its own statement alone', async () => {
    const { master: sql } = open({ poolOptions: { max: 1 } })
    await sql`select 1`
    const nothing = undefined as unknown as number
    for (let round = 0; round < 3; round++) {
      const asked = [
        sql`select pg_sleep(0.05), 1 as n`,
        rejection(sql`select ${nothing} as n`),
        sql`select 2 as n`,
        rejection(sql`select ${nothing} as n`),
        sql`select 3 as n`,
      ]
      const [one, two, three, four, five] = await Promise.all(asked)
      expect([one, three, five]).toMatchObject([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
      expect([two, four]).toMatchObject([{ code: 'UNDEFINED_VALUE' }, { code: 'UNDEFINED_VALUE' }])
    }
    await sql.end()
  })

  test('a transaction cannot be begun on one', async () => {
    expect(await rejection(db.master`begin`)).toMatchObject({ code: 'UNSAFE_TRANSACTION' })
    await db.master`insert into story (id) values (1)`
    await killAll()
    await eventually('they are gone', () => sizes().total === 0)
    expect(await db.withMaster((sql) => sql`select id from story`)).toEqual([{ id: 1 }])
  })

  test('a lease gets its turn however many statements there are, and the statements go on around it', async () => {
    let isOver = false
    let answered = 0
    const loops = Array.from({ length: 20 }, async () => {
      while (!isOver) {
        await db.master`select 1`
        answered += 1
      }
    })
    await eventually('there is traffic', () => answered > 100)
    for (let count = 0; count < 5; count++) {
      const leases = await Promise.all(Array.from({ length: MAX - 1 }, () => db.acquireMaster({ timeoutMs: 2_000 })))
      const before = answered
      await eventually('it goes on', () => answered > before + 20)
      for (const lease of leases) lease.release()
    }
    isOver = true
    await Promise.all(loops)
    expect(sizes()).toEqual({ used: 0, total: MAX })
  })

  test('a statement waits for a connection no longer than an acquire', async () => {
    const small = open({ acquireTimeoutMs: 100, poolOptions: { max: 1 } })
    await using _lease = await small.acquireMaster({ timeoutMs: 5_000 })
    expect(await rejection(small.master`select 1`)).toBeInstanceOf(AcquireTimeoutError)
    await small.terminate()
  })

  test('backends that are killed: what ran is lost, what comes next is not', async () => {
    for (let round = 0; round < 5; round++) {
      const asked = Array.from({ length: 30 }, () => db.master`select pg_sleep(0.01)`.catch((error: unknown) => error))
      await new Promise((resolve) => setTimeout(resolve, 15))
      await killAll()
      for (const outcome of await Promise.all(asked)) {
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(HostLostError)
      }
      expect(await db.master`select 1 as one`).toEqual([{ one: 1 }])
    }
  })

  test('a cursor whose backend is killed between two fetches does not end as if there were no more rows', async () => {
    const rows: number[] = []
    const reading = rejection(
      (async () => {
        for await (const some of db.master<{ n: number }[]>`select n from generate_series(1, 100) n`.cursor(10)) {
          rows.push(...some.map(({ n }) => n))
          if (rows.length > 10) continue
          await killAll()
          await eventually('it is gone', () => sizes().total === 0)
        }
      })(),
    )
    expect(await reading).toBeInstanceOf(HostLostError)
    expect(rows).toHaveLength(10)
  })

  test('a transaction whose backend is killed rejects at once, whatever it waits for', async () => {
    const begun = rejection(
      db.master.begin(async (tx) => {
        await tx`insert into story (id) values (1)`
        await killAll()
        await new Promise((resolve) => setTimeout(resolve, 300))
        await tx`insert into story (id) values (2)`
      }),
    )
    expect(await begun).toMatchObject({ name: 'HostLostError', outcome: 'not-executed' })
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(await db.master`select id from story`).toEqual([])
  })

  test('a silent host: what hangs rejects', async () => {
    const proxy = await FaultProxy.start({ target: master })
    const behind = open({ refreshDelayMs: 100, refreshTimeoutMs: 300 }, cluster.dsnOf(proxy))
    await behind.master`select 1`
    proxy.silent()
    expect(await rejection(behind.master`select 1`)).toMatchObject({ name: 'HostLostError', outcome: 'unknown' })
    await proxy.pass()
    expect(await behind.master`select 1 as one`).toEqual([{ one: 1 }])
    await behind.close()
    await proxy.close()
  })

  test('closing waits for statements as it does for leases', async () => {
    const slow = db.master`select pg_sleep(0.4), 1 as one`.execute()
    await eventually('it runs', async () => (await running('select pg_sleep(0.4)')) === 1)
    await db.close()
    expect(await slow).toMatchObject([{ one: 1 }])
    expect(await rejection(db.master`select 1`)).toBeInstanceOf(ManagerClosedError)
    const other = open()
    const cutOff = rejection(other.master`select pg_sleep(30)`)
    await eventually('it runs', async () => (await running('select pg_sleep(30)')) === 1)
    await other.close({ timeoutMs: 50 })
    expect(await cutOff).toBeInstanceOf(ManagerClosedError)
  })
})

test('limits on age and idleness of postgres.js hold', async () => {
  const young = open({ poolOptions: { max_lifetime: 0.3, idle_timeout: 0.1 } })
  await young.master`select 1`
  const total = (): number => young.metrics().drivers.reduce((sum, { total }) => sum + total, 0)
  expect(total()).toBe(1)
  await eventually('it is closed', () => total() === 0, 2_000)
  await using lease = await young.acquireMaster()
  await lease`select pg_sleep(0.4)`
  lease.release()
  await eventually('it is closed', () => total() === 0, 2_000)
  await young.close()
})

test('Drizzle on the two of them', async () => {
  const story = pgTable('story', { id: integer().primaryKey() })
  const [writes, reads] = [drizzle(db.master), drizzle(db.replica)]
  await writes.insert(story).values({ id: 1 })
  await writes.transaction(async (tx) => {
    await tx.insert(story).values({ id: 2 })
    await tx.transaction(async (inner) => inner.insert(story).values({ id: 3 }))
  })
  await eventually('the replica has them', async () => (await reads.select().from(story)).length === 3)
  expect(await reads.select().from(story).where(eq(story.id, 2))).toEqual([{ id: 2 }])
  // Drizzle reads moments itself: it has put parsers of its own into the options of what it was given.
  const moments = await reads.execute(sql`select timestamp '2026-01-02 03:04:05' as at`)
  expect([...moments]).toEqual([{ at: '2026-01-02 03:04:05' }])
})
