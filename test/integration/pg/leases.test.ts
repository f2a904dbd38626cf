import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { AcquireAbortedError, AcquireTimeoutError, PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

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
  db = new PoolManager(cluster.dsn, { poolOptions: { max: 2 } })
  await db.ready()
})
afterEach(async () => {
  await db.close({ timeoutMs: 100 })
})

/** What the master's pool holds and leases. */
function masterMetrics(): { used: number; total: number; waiting: number } {
  const found = db.metrics().drivers.find(({ state }) => state === 'master')
  if (found === undefined) throw new Error('no master')
  return { used: found.used, total: found.total, waiting: found.waiting }
}

/** Sessions of the application on the master, the probe's not counted. */
async function sessions(): Promise<number> {
  const [row] = await master.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where usename = '${cluster.user}' and application_name !~ 'probe'`,
  )
  return row?.n ?? -1
}

test('a lease is the native client, and ends with release, with the manager, or with its scope', async () => {
  const connection = await db.acquireMaster()
  expect((await connection.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  connection.release()
  db.release(await db.acquireMaster())
  {
    await using scoped = await db.acquireMaster()
    expect(masterMetrics().used).toBe(1)
    await scoped.query('select 1')
  }
  expect(masterMetrics()).toEqual({ used: 0, total: 1, waiting: 0 })
})

test('leaving a scope after an early release ends nobody else’s lease', async () => {
  let next: Awaited<ReturnType<typeof db.acquireMaster>> | undefined
  {
    await using first = await db.acquireMaster()
    first.release()
    next = await db.acquireMaster()
    expect(next).toBe(first)
  }
  expect(masterMetrics().used).toBe(1)
  next.release()
})

test('reads go to the replica, writes to the master', async () => {
  const role = 'select pg_is_in_recovery() as replica'
  expect((await db.withReplica((connection) => connection.query(role))).rows).toEqual([{ replica: true }])
  expect((await db.withMaster((connection) => connection.query(role))).rows).toEqual([{ replica: false }])
  expect((await db.withConnection({ readOnly: true }, (connection) => connection.query(role))).rows).toEqual([
    { replica: true },
  ])
})

test('a full pool is said to be full, and its waiters are served in order', async () => {
  const held = [await db.acquireMaster(), await db.acquireMaster()]
  const error = await rejection(db.acquireMaster({ timeoutMs: 50 }))
  if (!(error instanceof AcquireTimeoutError)) throw error
  expect(error.reason).toBe('pool-exhausted')
  expect(error.message).toMatch(/^All connections of 127\.0\.0\.1:\d+ stayed in use for 50 ms/)
  const order: number[] = []
  const waiting = [1, 2, 3].map(async (place) => {
    const connection = await db.acquireMaster()
    order.push(place)
    connection.release()
  })
  expect(masterMetrics().waiting).toBe(3)
  for (const connection of held) connection.release()
  await Promise.all(waiting)
  expect(order).toEqual([1, 2, 3])
})

test('an aborted acquire leaks nothing, at whichever moment it is aborted', async () => {
  for (let delayMs = 0; delayMs < 24; delayMs++) {
    const fresh = new PoolManager(cluster.dsn, { poolOptions: { max: 1 } })
    await fresh.waitMastersReady()
    const abort = new AbortController()
    const acquiring = fresh.acquireMaster({ signal: abort.signal })
    setTimeout(() => abort.abort(new Error('the user left')), delayMs)
    const outcome = await acquiring.catch((error: unknown) => error)
    if (outcome instanceof Error) {
      expect(outcome).toBeInstanceOf(AcquireAbortedError)
      expect(outcome.cause).toEqual(new Error('the user left'))
    } else {
      await acquiring.then((connection) => connection.release())
    }
    await fresh.withMaster((connection) => connection.query('select 1'))
    expect(fresh.metrics().drivers.map(({ used, waiting }) => used + waiting)).toEqual([0, 0])
    await fresh.close()
  }
  await expect(db.acquireMaster({ signal: AbortSignal.abort() })).rejects.toThrow(AcquireAbortedError)
})

test('a connection given back inside a transaction is destroyed', async () => {
  const first = await db.acquireMaster()
  await first.query('begin')
  first.release()
  await eventually('the connection is gone', () => masterMetrics().total === 0)
  const { rows } = await db.withMaster((connection) =>
    connection.query('select now() = statement_timestamp() as fresh'),
  )
  expect(rows).toEqual([{ fresh: true }])
})

test('who asks the native pool itself finds the connections that were just given back', async () => {
  const connection = await db.acquireMaster()
  const [pool] = db.getMasterPools()
  if (pool === undefined) throw new Error('no pool')
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
  connection.release()
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  const direct = await pool.connect()
  expect([direct === connection, pool.totalCount, pool.idleCount]).toEqual([true, 1, 0])
  direct.release()
  expect((await db.acquireMaster()) === connection).toBe(true)
  connection.release()
  expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  expect(pool.totalCount).toBe(1)
})

test('a backend killed while idle or leased is replaced, and nothing escapes', async () => {
  await db.withMaster((connection) => connection.query('select 1'))
  const leased = await db.acquireMaster()
  await master.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${cluster.user}'`)
  await expect(leased.query('select 1')).rejects.toThrow()
  expect(db.isConnectionClosed(leased)).toBe(true)
  leased.release()
  const { rows } = await db.withMaster((connection) => connection.query('select 1 as one'))
  expect(rows).toEqual([{ one: 1 }])
})

test('a lease whose backend died is reclaimed although nobody gave it back', async () => {
  const leased = await db.acquireMaster()
  const { rows } = await leased.query<{ pid: number }>('select pg_backend_pid() as pid')
  await master.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  await eventually('the lease is reclaimed', () => masterMetrics().used === 0)
  expect(() => leased.release()).not.toThrow()
})

test('a rejection that means a dead host destroys the connection, any other keeps it', async () => {
  await expect(db.withMaster((connection) => connection.query('select * from nowhere'))).rejects.toThrow('nowhere')
  expect(masterMetrics()).toEqual({ used: 0, total: 1, waiting: 0 })
  await expect(
    db.withMaster((connection) => connection.query('select pg_terminate_backend(pg_backend_pid())')),
  ).rejects.toThrow()
  await eventually('the connection is gone', () => masterMetrics().total === 0)
})

test('the server holds no more sessions than the pool may have', async () => {
  const burst = Array.from({ length: 40 }, () =>
    db.withMaster((connection) => connection.query('select pg_sleep(0.005)')),
  )
  await Promise.all(burst)
  expect(await sessions()).toBeLessThanOrEqual(2)
  const { drivers } = db.metrics()
  for (const { acquires, releases, used, connectionsAdded, connectionsRemoved, total } of drivers) {
    expect(acquires).toBe(releases + used)
    expect(connectionsAdded).toBe(connectionsRemoved + total)
  }
})

test('too many clients on the server is not a dead host', async () => {
  const [masterPool] = db.getMasterPools()
  // One session for the probe, one for a lease.
  await master.query(`alter role ${cluster.user} connection limit 2`)
  try {
    const held = await db.acquireMaster()
    const error = await rejection(db.acquireMaster({ timeoutMs: 300 }))
    if (!(error instanceof AcquireTimeoutError)) throw error
    expect(error.reason).toBe('connect-failed')
    expect(error.message).toContain('too many connections for role')
    expect(db.getMasterPools()).toEqual([masterPool])
    held.release()
  } finally {
    await master.query(`alter role ${cluster.user} connection limit -1`)
  }
})
