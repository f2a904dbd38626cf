import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OptionsError, PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { waitForTable } from '../../support/wait-for-table.ts'

forbidEscapedErrors()

let cluster: PgCluster
let db: PoolManager

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  db = new PoolManager(cluster.dsn)
  await db.ready()
})
afterEach(async () => {
  await db.terminate()
  await cluster.close()
})

async function portOf(pool: pg.Pool): Promise<number | undefined> {
  return (await pool.query<{ port: number }>("select current_setting('port')::int as port")).rows[0]?.port
}

test('are the same objects each time, go to the hosts of their role, and end apart from the manager', async () => {
  const { masterPool, replicaPool } = db
  expect([db.masterPool === masterPool, db.replicaPool === replicaPool]).toEqual([true, true])
  const [master, replicas] = [await cluster.master(), await cluster.replicas()]
  expect([await portOf(masterPool), masterPool.options.port]).toEqual([master.port, master.port])
  const seen = new Set(await Promise.all(Array.from({ length: 10 }, () => portOf(replicaPool))))
  expect(seen).toEqual(new Set(replicas.map(({ port }) => port)))
  expect(replicaPool.totalCount).toBe(db.getReplicaPools().reduce((sum, pool) => sum + pool.totalCount, 0))
  await masterPool.end()
  expect(seen).toContain(await portOf(replicaPool))
  ;(await db.acquireMaster()).release()
})

test('follow a failover: what was in flight fails, what comes after goes to the new master', async () => {
  const master = await cluster.master()
  const [heir] = await cluster.replicas()
  if (heir === undefined) throw new Error('there is no replica')
  await db.masterPool.query('create table t (n int)')
  await waitForTable(heir, 't')
  const errors: unknown[] = []
  const ports = new Set<number | undefined>()
  let isRunning = true
  const write = async (): Promise<void> => {
    while (isRunning) {
      const sql = "insert into t values (1) returning current_setting('port')::int as port"
      await db.masterPool.query<{ port: number }>(sql).then(
        ({ rows }) => ports.add(rows[0]?.port),
        (error: unknown) => errors.push(error),
      )
    }
  }
  const read = async (): Promise<void> => {
    while (isRunning) await db.replicaPool.query('select count(*) from t').catch((error: unknown) => errors.push(error))
  }
  const loops = [write(), write(), read(), read()]
  await eventually('the master is written to', () => ports.has(master.port))
  await master.kill()
  await heir.promote()
  await eventually('the new master is written to', () => ports.has(heir.port))
  isRunning = false
  await Promise.all(loops)
  expect(errors.length).toBeLessThanOrEqual(loops.length)
  expect([...ports]).toEqual([master.port, heir.port])
  expect([await portOf(db.masterPool), db.masterPool.options.port]).toEqual([heir.port, heir.port])
})

describe('the pg module handed over', () => {
  class OtherPool extends pg.Pool {}
  class OtherClient extends pg.Client {}

  test('makes the pools and the clients', async () => {
    await using other = new PoolManager(cluster.dsn, { pg: { Pool: OtherPool, Client: OtherClient } })
    expect([other.masterPool instanceof OtherPool, db.masterPool instanceof OtherPool]).toEqual([true, false])
    const client = await other.masterPool.connect()
    expect(client).toBeInstanceOf(OtherClient)
    client.release()
    expect(other.pools.every((pool) => pool instanceof OtherPool)).toBe(true)
  })

  test('must be one', () => {
    const make = (): PoolManager => new PoolManager(cluster.dsn, { pg: {} as unknown as typeof pg })
    expect(make).toThrow(OptionsError)
    expect(make).toThrow('pg must be the pg module: an object with Client and Pool')
  })
})

test('a listener that throws fails the connect, and nothing leaks', async () => {
  const { masterPool } = db
  const fail = (): void => {
    throw new Error('a bug of the listener')
  }
  masterPool.once('connect', fail)
  expect(await rejection(masterPool.query('select 1'))).toMatchObject({ message: 'a bug of the listener' })
  expect((await masterPool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await masterPool.end()
})

test('say why there is no connection, and end while somebody waits', async () => {
  for (const node of cluster.nodes) await node.stop('fast')
  const waiting = rejection(db.masterPool.query('select 1'))
  await db.masterPool.end()
  await db.terminate()
  expect(await waiting).toMatchObject({ code: 'ERR_HASQL_CLOSED' })
})

describe('a client made from the pool’s own options', () => {
  type MadeClient = new (config: pg.PoolOptions) => pg.Client
  const made = (pool: pg.Pool): pg.Client => {
    const Client = Reflect.get(pool, 'Client') as MadeClient
    return new Client({ ...pool.options })
  }

  test('connects where the role is', async () => {
    const client = made(db.masterPool)
    expect(client).toBeInstanceOf(pg.Client)
    await client.connect()
    expect((await client.query<{ port: number }>("select current_setting('port')::int as port")).rows).toEqual([
      { port: (await cluster.master()).port },
    ])
    await client.end()
  })

  test.each([
    ['in the text', (pid: number) => [`select pg_cancel_backend(${pid})`, []] as const],
    ['as a parameter', (pid: number) => ['SELECT pg_cancel_backend($1);', [pid]] as const],
  ])('calls a statement off at the server that runs it, its number %s', async (_, statement) => {
    const { replicaPool } = db
    // Both replicas are busy, so whichever the client is connected to, one of the statements runs on the other.
    const holders = [await replicaPool.connect(), await replicaPool.connect()]
    expect(new Set(holders.map(({ port }) => port)).size).toBe(2)
    const client = made(replicaPool)
    await client.connect()
    for (const holder of holders) {
      const failed = rejection(holder.query('select pg_sleep(30)'))
      const [text, values] = statement(Reflect.get(holder, 'processID') as number)
      await eventually('the statement is called off', async () => {
        await client.query(text, [...values])
        return Promise.race([
          failed.then(() => true),
          new Promise<boolean>((resolve) => setTimeout(resolve, 50, false)),
        ])
      })
      expect(await failed).toMatchObject({ code: '57014' })
    }
    await client.end()
    for (const holder of holders) holder.release()
  })
})
