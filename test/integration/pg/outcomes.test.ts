import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HostLostError, PoolManager } from 'hasql/pg'
import type { PgConnection, PgManagerOptions } from 'hasql/pg'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

const QUICK: PgManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 1_000 }

let cluster: PgCluster
let master: PgNode
let proxy: FaultProxy
let db: PoolManager

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
  await master.query('create table t (n int)')
  await master.query(`grant all on t to ${cluster.user}`)
})
afterAll(async () => {
  await cluster.close()
})
beforeEach(async () => {
  await master.query('truncate t')
  proxy = await FaultProxy.start({ target: master })
  db = new PoolManager(cluster.dsnOf(proxy), QUICK)
  await db.waitMastersReady()
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  await proxy.close()
})

async function rows(): Promise<number> {
  const [row] = await master.query<{ n: number }>('select count(*)::int as n from t')
  return row?.n ?? -1
}

/** The backend of the only lease; found from outside, so that nothing is sent on the lease itself. */
async function backend(): Promise<number> {
  const [row] = await master.query<{ pid: number }>(
    `select pid from pg_stat_activity where usename = '${cluster.user}' and application_name !~ 'probe'`,
  )
  if (row === undefined) throw new Error('nobody is connected')
  return row.pid
}

/** Ends the backend of a lease, and waits until the client has seen it. */
async function endBackend(connection: PgConnection): Promise<void> {
  await master.query('select pg_terminate_backend($1)', [await backend()])
  await eventually('the loss is seen', () => db.isConnectionClosed(connection))
}

async function lossOf(promise: Promise<unknown>): Promise<HostLostError> {
  const error = await rejection(promise)
  if (!(error instanceof HostLostError)) throw error
  return error
}

const INSERT = 'insert into t values (1)'

describe('a backend that is ended while its lease is idle', () => {
  test.each([
    ['nothing was done', [], 'not-executed', 0],
    [
      'only the session was touched',
      ["set application_name = 'x'", 'show work_mem', 'begin', 'rollback'],
      'not-executed',
      0,
    ],
    ['a transaction was rolled back', ['begin', INSERT, 'rollback'], 'not-executed', 0],
    ['a transaction is open', ['begin', INSERT, INSERT], 'not-executed', 0],
    ['a transaction was committed', ['begin', INSERT, 'commit'], 'unknown', 1],
    ['a statement took effect by itself', [INSERT], 'unknown', 1],
    ['a batch took effect', [`${INSERT}; ${INSERT}`], 'unknown', 2],
    ['something was read, by whatever function', ['select 1'], 'unknown', 0],
  ] as const)('%s', async (_what, statements, outcome, left) => {
    const lease = await db.acquireMaster()
    for (const statement of statements) await lease.query(statement)
    await endBackend(lease)
    for (const next of ['select 1', { text: 'select $1::int', values: [1] }]) {
      const error = await lossOf(lease.query(next))
      expect(error).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome, cause: { code: '57P01' } })
      expect(error.host).toBe(`127.0.0.1:${proxy.port}`)
    }
    expect(await rows()).toBe(left)
    expect(() => lease.release()).not.toThrow()
  })

  test('a failed batch took no effect, nor did one whose transaction failed', async () => {
    const lease = await db.acquireMaster()
    await expect(lease.query(`${INSERT}; select 1/0`)).rejects.toMatchObject({ code: '22012' })
    await lease.query('begin')
    await lease.query(INSERT)
    await expect(lease.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    await lease.query('commit')
    await endBackend(lease)
    expect(await lossOf(lease.query('select 1'))).toMatchObject({ outcome: 'not-executed' })
    expect(await rows()).toBe(0)
  })

  test('the next lease begins with a clean account', async () => {
    await db.withMaster((connection) => connection.query(INSERT))
    const lease = await db.acquireMaster()
    await endBackend(lease)
    expect(await lossOf(lease.query('select 1'))).toMatchObject({ outcome: 'not-executed' })
  })
})

describe('a backend that is ended while a statement runs', () => {
  test('its FATAL answer is the driver’s own error', async () => {
    const lease = await db.acquireMaster()
    const query = rejection(lease.query(`with x as (${INSERT} returning n) select pg_sleep(10) from x`))
    await eventually('it runs', async () => {
      const [row] = await master.query('select 1 from pg_stat_activity where wait_event = $1', ['PgSleep'])
      return row !== undefined
    })
    await endBackend(lease)
    expect(await query).toMatchObject({ code: '57P01', severity: 'FATAL' })
    expect(await lossOf(lease.query('select 1'))).toMatchObject({ outcome: 'not-executed', cause: { code: '57P01' } })
    expect(await rows()).toBe(0)
  })
})

/** How the way to the server ends while a statement is on it. */
const CUTS = ['cutReply', 'close', 'reset'] as const

describe.each(CUTS)('a connection that is cut (%s) while', (then) => {
  async function cut(pattern: string, before: readonly string[], statement: string): Promise<HostLostError> {
    const lease = await db.acquireMaster()
    for (const each of before) await lease.query(each)
    const struck = proxy.when({ direction: 'toServer', pattern, then })
    const error = await lossOf(lease.query(statement))
    await struck
    lease.release()
    return error
  }

  test('a statement runs by itself: nobody knows', async () => {
    const error = await cut('/*cut*/', [], `${INSERT} /*cut*/`)
    expect(error.outcome).toBe('unknown')
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('a statement runs in an open transaction: rolled back', async () => {
    expect((await cut('/*cut*/', ['begin', INSERT], `${INSERT} /*cut*/`)).outcome).toBe('not-executed')
    await eventually('the backend is gone', async () => (await backendCount()) === 0)
    expect(await rows()).toBe(0)
  })

  test('a statement runs that might end its transaction: nobody knows', async () => {
    expect((await cut('/*cut*/', ['begin', INSERT], `${INSERT}; commit /*cut*/`)).outcome).toBe('unknown')
  })

  test('R22: a commit is on its way: nobody knows', async () => {
    expect((await cut('commit', ['begin', INSERT], 'commit')).outcome).toBe('unknown')
  })

  test('a transaction begins: nothing was done', async () => {
    expect((await cut('begin', [], 'begin')).outcome).toBe('not-executed')
  })
})

test('R22: a commit that was forwarded and not answered is unknown, and the row is there', async () => {
  const lease = await db.acquireMaster()
  await lease.query('begin')
  await lease.query(INSERT)
  const struck = proxy.when({ direction: 'toServer', pattern: 'commit', then: 'cutReply' })
  expect((await lossOf(lease.query('commit'))).outcome).toBe('unknown')
  await struck
  expect(await rows()).toBe(1)
})

async function backendCount(): Promise<number> {
  const [row] = await master.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where usename = '${cluster.user}' and application_name !~ 'probe'`,
  )
  return row?.n ?? -1
}

describe('statements that wait in pg’s own queue, or are sent ahead', () => {
  test.each([false, true])('pipeline %s: what may hide a commit is unknown', async (pipeline) => {
    const own = new PoolManager(cluster.dsnOf(proxy), { ...QUICK, poolOptions: pipeline ? PIPELINE : {} })
    try {
      const lease = await own.acquireMaster()
      await lease.query('begin')
      await lease.query(INSERT)
      const struck = proxy.when({ direction: 'toServer', pattern: '/*cut*/', then: 'cutReply' })
      const sent = ['commit', `${INSERT} /*cut*/`].map((statement) => lossOf(lease.query(statement)))
      const errors = await Promise.allSettled(sent)
      await struck
      const lost = errors.flatMap((each) => (each.status === 'fulfilled' ? [each.value.outcome] : []))
      expect(lost.length).toBeGreaterThan(0)
      expect(new Set(lost)).toEqual(new Set(['unknown']))
      lease.release()
    } finally {
      await own.close({ timeoutMs: 0 })
    }
  })
})

/** `pg` 8.23 has it, its types do not yet. */
const PIPELINE: NonNullable<PgManagerOptions['poolOptions']> & { readonly pipeline: true } = { pipeline: true }

describe('R21: a commit that waits for a replica', () => {
  const waits = async (): Promise<boolean> =>
    (await master.query("select 1 from pg_stat_activity where wait_event = 'SyncRep'")).length > 0

  beforeEach(async () => {
    await master.setting('synchronous_standby_names', 'nobody')
    // Sessions know the setting by now; that they wait is up to the checkpointer, which reads it in its own time.
    await eventually('commits wait', async () => {
      let isDone = false
      const commit = master.query("select pg_logical_emit_message(true, 'here', '')").finally(() => (isDone = true))
      while (!isDone) {
        if (!(await waits())) continue
        await master.query("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
        await commit
        return true
      }
      return false
    })
  })
  afterEach(async () => {
    await master.setting('synchronous_standby_names', '')
  })

  async function committing(): Promise<{ lease: PgConnection; commit: Promise<unknown>; notices: string[] }> {
    const lease = await db.acquireMaster()
    const notices: string[] = []
    lease.on('notice', ({ code }) => notices.push(code ?? ''))
    await lease.query('begin')
    await lease.query(INSERT)
    const commit = lease.query('commit').catch((error: unknown) => error)
    await eventually('it waits', waits)
    return { lease, commit, notices }
  }

  test('and is cancelled has succeeded here, with a warning', async () => {
    const { lease, commit, notices } = await committing()
    await master.query('select pg_cancel_backend($1)', [await backend()])
    expect(await commit).toMatchObject({ command: 'COMMIT' })
    expect(notices).toEqual(['01000'])
    await endBackend(lease)
    expect((await lossOf(lease.query('select 1'))).outcome).toBe('unknown')
    expect(await rows()).toBe(1)
  })

  test('and is terminated is unknown, never failed', async () => {
    const { commit, notices } = await committing()
    await master.query('select pg_terminate_backend($1)', [await backend()])
    expect(await commit).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome: 'unknown' })
    expect(notices).toEqual(['57P01'])
    expect(await rows()).toBe(1)
  })

  test('and whose server stops is unknown, never failed', async () => {
    const { commit } = await committing()
    await master.stop('fast')
    expect(await commit).toMatchObject({ code: 'ERR_HASQL_HOST_LOST', outcome: 'unknown' })
    await master.start()
    expect(await rows()).toBe(1)
  })
})

test('a connection whose answer was not waited for is destroyed, and its host looked at', async () => {
  const impatient = new PoolManager(cluster.dsnOf(proxy), { ...QUICK, poolOptions: { query_timeout: 100 } })
  try {
    await impatient.waitMastersReady()
    const wait = (): Promise<unknown> => impatient.withMaster((connection) => connection.query('select pg_sleep(3)'))
    expect(await rejection(wait())).toMatchObject({ message: 'Query read timeout' })
    await eventually('the connection is gone', () => impatient.metrics().drivers[0]?.total === 0)
    expect((await impatient.withMaster((connection) => connection.query('select 1'))).rowCount).toBe(1)
  } finally {
    await impatient.close({ timeoutMs: 0 })
  }
})
