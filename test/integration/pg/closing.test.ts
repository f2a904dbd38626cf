import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ManagerClosedError, PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { runProgram } from '../../support/run-program.ts'

forbidEscapedErrors()

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})

/** Sockets and timers that keep the process alive. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TLSWrap|Timeout|PipeWrap/.test(name))
}

test('after close no socket and no timer is left, and closing again gives the same promise', async () => {
  const before = handles().length
  const db = new PoolManager(cluster.dsn)
  await db.ready()
  await Promise.all([db.withMaster((c) => c.query('select 1')), db.withReplica((c) => c.query('select 1'))])
  expect(handles().length).toBeGreaterThan(before)
  const closing = db.close()
  expect(db.closing).toBe(true)
  expect(db.close()).toBe(closing)
  await closing
  expect(db.closed).toBe(true)
  await eventually('the handles are gone', () => handles().length <= before)
  for (const pool of db.pools) expect(pool.ended).toBe(true)
})

test('close rejects waiters at once, and waits for leases', async () => {
  const db = new PoolManager(cluster.dsn, { poolOptions: { max: 1 } })
  const lease = await db.acquireMaster()
  const queued = rejection(db.acquireMaster())
  const closing = db.close({ timeoutMs: 5_000 })
  expect(await queued).toBeInstanceOf(ManagerClosedError)
  expect((await lease.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  expect(db.closed).toBe(false)
  lease.release()
  await closing
})

test('a lease that outstays the deadline of close is cut off, as terminate does at once', async () => {
  for (const end of [(db: PoolManager) => db.close({ timeoutMs: 50 }), (db: PoolManager) => db.terminate()]) {
    const db = new PoolManager(cluster.dsn)
    const lease = await db.acquireMaster()
    const query = rejection(lease.query('select pg_sleep(30)'))
    await end(db)
    const error = await query
    expect(error).toBeInstanceOf(ManagerClosedError)
    expect(String(error)).toContain('Cannot go on using this connection')
  }
})

test('closing before anything was started is quick and final', async () => {
  const db = new PoolManager(cluster.dsn)
  await db.close()
  await db.terminate()
  expect(db.closed).toBe(true)
})

describe('the process', () => {
  test('ends after close, with nothing else to end it', async () => {
    const { code, out } = await runProgram(
      cluster.dsn,
      `const db = new PoolManager(dsn); await db.withMaster((c) => c.query('select 1')); await db.close(); console.log('closed')`,
      20_000,
    )
    expect({ code, out }).toEqual({ code: 0, out: 'closed\n' })
  })

  test('is kept alive by an open manager, unless allowExitOnIdle', async () => {
    const open = await runProgram(
      cluster.dsn,
      `const db = new PoolManager(dsn); await db.ready(); setTimeout(() => { console.log('alive'); void db.close() }, 1500).unref()`,
      20_000,
    )
    expect(open).toEqual({ code: 0, out: 'alive\n' })
    const idle = await runProgram(
      cluster.dsn,
      `const db = new PoolManager(dsn, { allowExitOnIdle: true }); await db.withMaster((c) => c.query('select 1')); setTimeout(() => console.log('still here'), 15000).unref()`,
      12_000,
    )
    expect(idle).toEqual({ code: 0, out: '' })
  })
})

test('close ends on a frozen host too', async () => {
  const db = new PoolManager(cluster.dsn)
  await db.ready()
  await db.withMaster((c) => c.query('select 1'))
  const master = await cluster.master()
  await master.freeze()
  try {
    const before = performance.now()
    await db.close()
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(db.closed).toBe(true)
  } finally {
    master.thaw()
  }
})
