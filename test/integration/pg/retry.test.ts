import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { HostLostError, PoolManager } from 'hasql/pg'
import type { PgConnection } from 'hasql/pg'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

let cluster: PgCluster
let master: PgNode
let proxies: FaultProxy[]
let db: PoolManager

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  master = await cluster.master()
  await master.query('create table t (n int)')
  await master.query(`grant all on t to ${cluster.user}`)
})
afterAll(async () => {
  await cluster.close()
})
beforeEach(async () => {
  await master.query('truncate t')
  const nodes = [master, ...(await cluster.replicas())]
  proxies = await Promise.all(nodes.map((target) => FaultProxy.start({ target })))
  db = new PoolManager(cluster.dsnOf(...proxies), { refreshDelayMs: 100, refreshTimeoutMs: 300 })
  await db.ready()
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  for (const proxy of proxies) await proxy.close()
})

async function rows(): Promise<number> {
  const [row] = await master.query<{ n: number }>('select count(*)::int as n from t')
  return row?.n ?? -1
}

/** Makes the next statement that has this comment in it fail, on whichever host it goes to. */
async function strikeOn(pattern: string, then: 'cutReply' | 'reset', which = proxies): Promise<void> {
  await Promise.race(which.map((proxy) => proxy.when({ direction: 'toServer', pattern, then })))
}

async function transfer(connection: PgConnection, commit = 'commit'): Promise<void> {
  await connection.query('begin')
  await connection.query('insert into t values (1)')
  await connection.query('insert into t values (2) /*second*/')
  await connection.query(commit)
}

test('a transaction that was cut before its commit is done once, on a new lease', async () => {
  const struck = strikeOn('/*second*/', 'cutReply')
  let runs = 0
  await db.withMaster(
    (connection) => {
      runs += 1
      return transfer(connection)
    },
    { retry: true },
  )
  await struck
  expect([runs, await rows(), db.metrics().hasql.retries]).toEqual([2, 2, 1])
})

test('a commit whose answer is lost is passed on as unknown, and done once', async () => {
  const struck = strikeOn('commit', 'cutReply')
  const error = await rejection(db.withMaster((connection) => transfer(connection), { retry: true }))
  await struck
  expect(error).toBeInstanceOf(HostLostError)
  expect(error).toMatchObject({ outcome: 'unknown', cause: { code: 'ECONNRESET' } })
  expect([await rows(), db.metrics().hasql.retries]).toEqual([2, 0])
})

test('it is done again, and so twice, if the caller says that this does no harm', async () => {
  const struck = strikeOn('commit', 'cutReply')
  await db.withMaster((connection) => transfer(connection), { retry: { idempotent: true } })
  await struck
  expect([await rows(), db.metrics().hasql.retries]).toEqual([4, 1])
})

test('an autocommitted write whose answer is lost is not repeated', async () => {
  const struck = strikeOn('/*alone*/', 'cutReply')
  const run = db.withMaster((connection) => connection.query('insert into t values (1) /*alone*/'), { retry: true })
  expect(await rejection(run)).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome: 'unknown' })
  await struck
  expect(await rows()).toBe(1)
})

test('a run that committed something before it failed is not repeated', async () => {
  const struck = strikeOn('/*later*/', 'reset')
  const run = db.withMaster(
    async (connection) => {
      await transfer(connection)
      await connection.query('begin /*later*/')
    },
    { retry: true },
  )
  expect(await rejection(run)).toMatchObject({ outcome: 'unknown' })
  await struck
  expect([await rows(), db.metrics().hasql.retries]).toEqual([2, 0])
})

test('a read that is cut on one replica, then on the other, goes on', async () => {
  const struck = strikeOn('/*read*/', 'reset')
  const ports: (number | undefined)[] = []
  const { rowCount } = await db.withReplica(
    (connection) => {
      ports.push(connection.port)
      return connection.query('select 1 /*read*/')
    },
    { retry: true },
  )
  await struck
  const [first, second] = ports
  expect([rowCount, ports.length, first === second]).toEqual([1, 3, false])
})

test('a backend that is ended between two statements of a transaction costs one more run', async () => {
  let runs = 0
  await db.withMaster(
    async (connection) => {
      runs += 1
      await connection.query('begin')
      await connection.query('insert into t values (1)')
      if (runs === 1) {
        await master.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${cluster.user}' and application_name !~ 'probe'`,
        )
        await eventually('the loss is seen', () => db.isConnectionClosed(connection))
      }
      await connection.query('commit')
    },
    { retry: true },
  )
  expect([runs, await rows()]).toEqual([2, 1])
})

test('a conflict between two transactions is solved when asked for, and passed on otherwise', async () => {
  await master.query('insert into t values (0)')
  let meet: (() => void) | undefined
  const bothRead = new Promise<void>((resolve) => (meet = resolve))
  let readers = 0
  const increment = async (connection: PgConnection): Promise<void> => {
    await connection.query('begin isolation level serializable')
    const { rows: found } = await connection.query<{ n: number }>('select n from t')
    readers += 1
    if (readers === 2) meet?.()
    await bothRead
    await connection.query('update t set n = $1', [(found[0]?.n ?? 0) + 1])
    await connection.query('commit')
  }
  await Promise.all([1, 2].map(() => db.withMaster(increment, { retry: { conflicts: true } })))
  expect(await master.query('select n from t')).toEqual([{ n: 2 }])
  expect(db.metrics().hasql.retries).toBeGreaterThan(0)
})

test('a write sent to what is no master any more goes to the new one', async () => {
  let runs = 0
  await db.withMaster(
    async (connection) => {
      runs += 1
      await connection.query(runs === 1 ? 'begin read only' : 'begin')
      await connection.query('insert into t values (1)')
      await connection.query('commit')
    },
    { retry: true },
  )
  expect([runs, await rows()]).toEqual([2, 1])
})

const STRIKES = 20
// One writer may be the one that is struck each time: neither its attempts nor its deadline may run out before the strikes do.
const THROUGH_ALL_STRIKES = { timeoutMs: 60_000, retry: { maxAttempts: 2 * STRIKES } }

test('readers and writers with retry live through the loss of all connections, again and again', async () => {
  let going = true
  let [written, failed] = [0, 0]
  const writer = async (): Promise<void> => {
    while (going) {
      await db
        .withMaster(async (connection) => {
          await connection.query('begin')
          await connection.query('insert into t values (1)')
          await connection.query('commit')
        }, THROUGH_ALL_STRIKES)
        .then(
          () => (written += 1),
          (error: unknown) => {
            // The only thing that may be passed on is that nobody knows.
            expect(error).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome: 'unknown' })
            failed += 1
          },
        )
    }
  }
  const reader = async (): Promise<void> => {
    while (going) await db.withReplica((connection) => connection.query('select n from t limit 1'), THROUGH_ALL_STRIKES)
  }
  const work = [writer(), writer(), writer(), reader(), reader(), reader()]
  for (let strike = 0; strike < STRIKES; strike++) {
    const before = written
    await eventually('writes go on', () => written > before)
    for (const proxy of proxies) proxy.reset()
  }
  going = false
  await Promise.all(work)
  const there = await rows()
  expect(there).toBeGreaterThanOrEqual(written)
  expect(there).toBeLessThanOrEqual(written + failed)
  expect(db.metrics().hasql.retries).toBeGreaterThan(0)
})
