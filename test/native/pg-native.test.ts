import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { inspect } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AcquireTimeoutError, HostLostError } from 'hasql'
import { PoolManager } from 'hasql/pg-native'
import type { PgConnection, PgNativeManagerOptions } from 'hasql/pg-native'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../support/escaped-errors.ts'
import { eventually, rejection } from '../support/eventually.ts'
import { NameServer } from '../support/name-server.ts'

const PASSWORD = `canary-4f:1@b/z' \\x`

let cluster: PgCluster
let master: PgNode
const open: PoolManager[] = []
const proxies: FaultProxy[] = []

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1, password: PASSWORD })
  master = await cluster.master()
  await master.query(`grant pg_read_all_stats to ${cluster.user}`)
})
afterEach(async () => {
  for (const db of open.splice(0)) await db.close({ timeoutMs: 0 })
  for (const proxy of proxies.splice(0)) await proxy.close()
})
afterAll(async () => {
  await cluster.close()
})
forbidEscapedErrors()

function manager(options: PgNativeManagerOptions = {}, dsn = cluster.dsn): PoolManager {
  const db = new PoolManager(dsn, options)
  open.push(db)
  return db
}

async function proxyTo(target: PgNode): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({ target })
  proxies.push(proxy)
  return proxy
}

async function sessions(): Promise<number> {
  const [row] = await master.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where usename = '${cluster.user}' and application_name not like '% probe'`,
  )
  return row?.n ?? 0
}

const valueOf = async (connection: PgConnection, sql: string): Promise<unknown> =>
  Object.values((await connection.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0]

describe('what a lease can do', () => {
  test('it is a client of pg.native, with parameters, names, rows as arrays, callbacks and notifications', async () => {
    const db = manager()
    await using lease = await db.acquireMaster()
    expect(lease).toBeInstanceOf(pg.native?.Client)
    expect((await lease.query('select $1::int + 1 as n', [1])).rows).toEqual([{ n: 2 }])
    const named = { name: 'twice', text: 'select $1::int * 2 as n', values: [4] }
    for (const n of [8, 8]) expect((await lease.query(named)).rows).toEqual([{ n }])
    expect((await lease.query({ text: 'select 1, 2', rowMode: 'array' })).rows).toEqual([[1, 2]])
    expect(await new Promise((resolve) => lease.query('select 3 as n', (_error, { rows }) => resolve(rows)))).toEqual([
      { n: 3 },
    ])
    const heard = new Promise((resolve) => lease.on('notification', resolve))
    await lease.query('listen news')
    await db.withMaster((other) => other.query("notify news, 'extra'"))
    expect(await heard).toMatchObject({ channel: 'news', payload: 'extra' })
  })

  test('settings of the pool reach the server, and no variable of the environment does', async () => {
    const { env } = process
    const before = { ...env }
    try {
      const db = manager({
        poolOptions: { statement_timeout: 1234, application_name: "it's", options: '-c work_mem=2MB' },
      })
      Object.assign(env, { PGTARGETSESSIONATTRS: 'read-write', PGHOSTADDR: '127.0.0.9', PGOPTIONS: '-c work_mem=3MB' })
      await using lease = await db.acquireReplica()
      expect(await valueOf(lease, 'show statement_timeout')).toBe('1234ms')
      expect(await valueOf(lease, 'show application_name')).toBe("it's")
      expect(await valueOf(lease, 'show work_mem')).toBe('2MB')
      expect(await valueOf(lease, 'select pg_is_in_recovery()')).toBe(true)
    } finally {
      for (const name of Object.keys(env)) if (!(name in before)) Reflect.deleteProperty(env, name)
    }
  })

  test('the password may be a function, asked for each connection; nobody is shown what it returns', async () => {
    let asked: unknown
    const password = (...given: readonly unknown[]): Promise<string> => {
      asked = given[0]
      return Promise.resolve(PASSWORD)
    }
    const db = manager({ poolOptions: { password } }, cluster.dsn.replace(/:[^:@]*@/, '@'))
    const lease = await db.acquireMaster()
    expect(asked).toMatchObject({ port: master.port, user: cluster.user })
    const refused = manager({ poolOptions: { password: `wrong-${PASSWORD}` } })
    const shown = [db, lease, [...db], await rejection(refused.acquireMaster()), refused]
    const text = shown.map((each) => inspect(each, { showHidden: true, depth: 12 })).join('\n')
    expect(text).not.toContain('canary')
    lease.release()
  })

  test('a value of the wrong type of password is refused', async () => {
    const db = manager({ poolOptions: { password: PASSWORD } })
    await db.ready()
    const odd = manager({ poolOptions: { password: (): string => Reflect.get({}, 'no') as string } })
    expect(String(await rejection(odd.acquireMaster({ timeoutMs: 500 })))).not.toContain('canary')
  })
})

test('names are looked up by the manager, whatever the system knows of them', async () => {
  const names = new NameServer()
  names.set('db.test', ['127.0.0.9', '127.0.0.1'])
  const dsn = cluster.dsnOf(master).replace(`${master.host}:${master.port}`, `db.test:${master.port}`)
  const db = manager({ lookup: names.lookup }, dsn)
  await using lease = await db.acquireMaster()
  expect(await valueOf(lease, 'select host(inet_server_addr())')).toBe('127.0.0.1')
  names.set('db.test', [])
  const unknown = manager({ lookup: names.lookup }, dsn)
  expect(await rejection(unknown.acquireMaster({ timeoutMs: 300 }))).toBeInstanceOf(AcquireTimeoutError)
})

describe('the pools of roles', () => {
  test('are pg.native.Pool, for libraries that take a pool', async () => {
    const db = manager({ fallbackMaster: true })
    await db.ready()
    expect(db.masterPool).toBeInstanceOf(pg.native?.Pool)
    expect((await db.masterPool.query('select pg_is_in_recovery() as r')).rows).toEqual([{ r: false }])
    expect((await db.replicaPool.query('select pg_is_in_recovery() as r')).rows).toEqual([{ r: true }])
    const client = await db.masterPool.connect()
    const running = rejection(client.query('select pg_sleep(30), 1 as marked'))
    // What libraries do to call a statement off, without blocking the process.
    const control = new (Reflect.get(db.masterPool, 'Client') as typeof pg.Client)(db.masterPool.options)
    await control.connect()
    await eventually('it is cancelled', async () => {
      const { rows } = await control.query(
        "select pg_cancel_backend(pid) from pg_stat_activity where query like '%marked' and pid <> pg_backend_pid()",
      )
      return rows.length > 0
    })
    await control.end()
    expect(await running).toMatchObject({ code: '57014' })
    client.release()
  })
})

describe('errors', () => {
  test('have what the server said of this statement, never of the one before', async () => {
    const db = manager()
    const lease = await db.acquireMaster()
    expect(await rejection(lease.query('select * from nowhere'))).toMatchObject({ code: '42P01', position: '15' })
    const pid = Number(await valueOf(lease, 'select pg_backend_pid()'))
    await rejection(lease.query('select * from nowhere'))
    await master.query('select pg_terminate_backend($1)', [pid])
    const error = await rejection(lease.query('select 1'))
    expect(error).toBeInstanceOf(HostLostError)
    expect(error).not.toMatchObject({ code: '42P01' })
  })

  test.each([
    ['select 1', 'unknown'],
    ['begin', 'not-executed'],
  ])('%s that is never answered: %s', async (text, outcome) => {
    const proxy = await proxyTo(master)
    const db = manager({}, cluster.dsnOf(proxy))
    const lease = await db.acquireMaster()
    proxy.silent()
    const working = rejection(lease.query(text))
    proxy.reset()
    expect(await working).toMatchObject({ name: 'HostLostError', outcome })
  })

  test('COPY ends the connection, and not the process', async () => {
    const db = manager({ poolOptions: { max: 1 } })
    await db.withMaster((lease) => lease.query('create temp table copied (n int)'))
    const lease = await db.acquireMaster()
    expect(await rejection(lease.query('copy copied from stdin'))).toBeInstanceOf(Error)
    expect(() => lease.release()).not.toThrow()
    const other = await db.acquireMaster()
    await other.query('copy (select 1) to stdout')
    other.release()
    expect(await db.withMaster((third) => valueOf(third, 'select 1'))).toBe(1)
  })
})

describe('hosts that do not answer', () => {
  test('a connect that comes too late is closed when it comes', async () => {
    const proxy = await proxyTo(master)
    const db = manager({ connectTimeoutMs: 200, refreshTimeoutMs: 5_000 }, cluster.dsnOf(proxy))
    await db.ready()
    proxy.delay(150)
    const error = await rejection(db.acquireMaster({ timeoutMs: 400 }))
    expect(error).toBeInstanceOf(AcquireTimeoutError)
    expect(db.metrics().drivers[0]?.total).toBeGreaterThan(0)
    await eventually('it is closed', async () => db.metrics().drivers[0]?.total === 0 && (await sessions()) === 0)
  })

  test('a large statement to a frozen host: it rejects, and the process goes on meanwhile', async () => {
    const proxy = await proxyTo(master)
    const db = manager({ refreshDelayMs: 100, refreshTimeoutMs: 300 }, cluster.dsnOf(proxy))
    const lease = await db.acquireMaster()
    await lease.query('select 1')
    await master.freeze()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    try {
      proxy.silent()
      const working = rejection(lease.query('select length($1)', ['x'.repeat(64 * 1024 * 1024)]))
      await new Promise((resolve) => setTimeout(resolve, 100))
      delay.enable()
      expect(await working).toBeInstanceOf(HostLostError)
    } finally {
      delay.disable()
      master.thaw()
    }
    expect(delay.max / 1e6).toBeLessThan(250)
  })

  test('many silent hosts hold no thread that the process needs', async () => {
    const silent = await Promise.all([1, 2, 3, 4, 5, 6].map(() => proxyTo(master)))
    for (const proxy of silent) proxy.silent()
    const live = await proxyTo(master)
    const db = manager({ refreshTimeoutMs: 300 }, cluster.dsnOf(...[...silent, live]))
    await db.waitMastersReady()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const startMs = performance.now()
    await readFile(import.meta.filename)
    await db.withMaster((lease) => lease.query('select 1'))
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  test('connections that were reset while idle are found out', async () => {
    const proxy = await proxyTo(master)
    const db = manager({}, cluster.dsnOf(proxy))
    await db.withMaster((lease) => lease.query('select 1'))
    expect(db.metrics().drivers[0]?.total).toBe(1)
    proxy.reset()
    await eventually('it is gone', () => db.metrics().drivers[0]?.total === 0)
    expect(await db.withMaster((lease) => valueOf(lease, 'select 1'))).toBe(1)
  })

  test('making, aborting and cutting off connections a thousand times leaves nothing behind', async () => {
    const db = manager({ poolOptions: { max: 4 } })
    await db.ready()
    for (let round = 0; round < 50; round += 1) {
      const work = Array.from({ length: 20 }, async (_, place) => {
        const signal = AbortSignal.timeout(place % 7)
        const lease = await db.acquireMaster(place % 3 === 0 ? { signal } : {})
        const running = lease.query('select pg_sleep(0.001)').catch(() => undefined)
        if (place % 2 === 0) await running
        db.release(lease, { destroy: place % 4 < 2 })
        await running
      })
      await Promise.allSettled(work)
    }
    const { used, waiting, total } = db.metrics().drivers.find(({ state }) => state === 'master') ?? {}
    expect([used, waiting]).toEqual([0, 0])
    expect(total).toBeLessThanOrEqual(4)
    await db.close()
    await eventually('no session is left', async () => (await sessions()) === 0)
  })
})

test('killed and promoted: writes go on at once, and only what was in flight fails', async () => {
  await using own = await PgCluster.start({ replicas: 2 })
  const db = manager(
    { refreshDelayMs: 100, refreshTimeoutMs: 300, fallbackMaster: true, poolOptions: { max: 4 } },
    own.dsn,
  )
  await db.ready()
  await db.masterPool.query('create table written (n int)')
  const failures: unknown[] = []
  const writtenAtMs: number[] = []
  let isOver = false
  const write = async (n: number): Promise<void> => {
    await db.masterPool.query('insert into written values ($1)', [n])
    writtenAtMs.push(performance.now())
  }
  const loop = async (run: (n: number) => Promise<unknown>): Promise<void> => {
    for (let n = 0; !isOver; n += 1) {
      await run(n).catch((error: unknown) => failures.push(error))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const loops = [write, write, write, write, () => db.replicaPool.query('select count(*) from written')].map(loop)
  await eventually('there are writes', () => writtenAtMs.length > 50)
  const before = await own.master()
  const [next] = await own.replicas()
  await before.kill()
  await next?.promote()
  const promotedAtMs = performance.now()
  const count = writtenAtMs.length
  await eventually('there are writes again', () => writtenAtMs.length > count + 50)
  isOver = true
  await Promise.all(loops)
  // One of each loop was in flight.
  expect(failures.length).toBeLessThanOrEqual(loops.length)
  for (const error of failures) expect(error).toBeInstanceOf(HostLostError)
  expect((writtenAtMs[count] ?? Infinity) - promotedAtMs).toBeLessThan(250)
})

describe('what libpq cannot follow is refused', () => {
  test.each([
    [{ poolOptions: { ssl: true } }, 'poolOptions.ssl', 'sslmode'],
    [{ poolOptions: { stream: () => undefined } }, 'poolOptions.stream', 'hasql/pg'],
    [{ poolOptions: { pipeline: true } }, 'poolOptions.pipeline', 'hasql/pg'],
    [{ allowExitOnIdle: true }, 'allowExitOnIdle', 'close the manager'],
  ])('%j', (options, option, advice) => {
    const make = (): unknown => Reflect.construct(PoolManager, [cluster.dsn, options])
    expect(make).toThrow(expect.objectContaining({ name: 'OptionsError', option }) as Error)
    expect(make).toThrow(advice)
  })
})
