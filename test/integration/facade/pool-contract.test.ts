import { inspect } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { PgPoolOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'

forbidEscapedErrors()

let cluster: PgCluster
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** What a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof Error) return error
  throw new Error('it did not reject')
}

/** `pg` waits for the promise of a hook, which its types do not say. */
function hook(act: (client: pg.ClientBase) => unknown): (client: pg.ClientBase) => void {
  return act
}

/** Members of `pg.Pool` that its types leave out. */
function untyped(pool: pg.Pool, name: string): unknown {
  return Reflect.get(pool, name)
}

function isError(value: unknown): value is Error {
  return value instanceof Error
}

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, done: () => void) => void
type Make = (options?: PgPoolOptions) => Promise<pg.Pool>

async function plain(options: PgPoolOptions = {}): Promise<pg.Pool> {
  const { user, password, database } = cluster
  const { host, port } = await cluster.master()
  const pool = new pg.Pool({ host, port, user, database, password, ...options })
  pool.on('error', () => undefined)
  closers.push(async () => (pool.ending ? undefined : pool.end()))
  return pool
}

async function managed(options: PgPoolOptions = {}): Promise<PoolManager> {
  const db = new PoolManager(cluster.dsn, { poolOptions: options })
  closers.push(() => db.terminate())
  await db.ready()
  return db
}

const POOLS: readonly (readonly [string, Make])[] = [
  ['pg.Pool', plain],
  ['masterPool', async (options) => (await managed(options)).masterPool],
  ['replicaPool', async (options) => (await managed(options)).replicaPool],
]

/** Sessions with this name, anywhere. */
async function sessions(name: string): Promise<number> {
  const counts = await Promise.all(
    cluster.nodes.map((node) =>
      node.query<{ n: number }>('select count(*)::int as n from pg_stat_activity where application_name = $1', [name]),
    ),
  )
  return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0)
}

describe.each(POOLS)('%s', (_name, make) => {
  test('is a pg.Pool by its class and by its name', async () => {
    const pool = await make()
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool.constructor.name).toContain('Pool')
    expect([untyped(pool, 'Promise'), typeof untyped(pool, 'Client'), typeof untyped(pool, 'log')]).toEqual([
      Promise,
      'function',
      'function',
    ])
  })

  test('connect gives a client, and rejects after the end', async () => {
    const pool = await make()
    const client = await pool.connect()
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    client.release()
    await pool.end()
    expect((await rejection(pool.connect())).message).toBe('Cannot use a pool after calling end on the pool')
  })

  test('connect with a callback calls it in another turn, and returns nothing', async () => {
    const pool = await make()
    let isCalled = false
    const called = new Promise<pg.PoolClient | undefined>((resolve, reject) => {
      const connect = pool.connect.bind(pool) as (callback: Connected) => unknown
      const returned = connect((error, client, done) => {
        isCalled = true
        if (error === undefined) resolve(client)
        else reject(error)
        done()
      })
      expect(returned).toBeUndefined()
    })
    expect(isCalled).toBe(false)
    expect(await called).toBeInstanceOf(pg.Client)
    await pool.end()
    const refused = new Promise((resolve) => pool.connect((error) => resolve(error?.message)))
    expect(await refused).toBe('Cannot use a pool after calling end on the pool')
  })

  test('query takes every form', async () => {
    const pool = await make()
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    expect((await pool.query('select $1::int as n', [2])).rows).toEqual([{ n: 2 }])
    expect((await pool.query({ text: 'select $1::int as n', values: [3] })).rows).toEqual([{ n: 3 }])
    expect((await pool.query({ text: 'select 4 as n', rowMode: 'array' })).rows).toEqual([[4]])
    for (let count = 0; count < 2; count += 1) {
      expect((await pool.query({ name: 'prepared', text: 'select $1::int as n', values: [5] })).rows).toEqual([
        { n: 5 },
      ])
    }
    const types = { getTypeParser: () => (text: string) => `<${text}>` } as unknown as pg.CustomTypesConfig
    expect((await pool.query({ text: 'select 6 as n', types })).rows).toEqual([{ n: '<6>' }])
    const called = (ask: (callback: (error: Error, result: pg.QueryResult) => void) => void): Promise<unknown> =>
      new Promise((resolve) => ask((error, result) => resolve(isError(error) ? error : result.rows)))
    expect(await called((callback) => pool.query('select 7 as n', callback))).toEqual([{ n: 7 }])
    expect(await called((callback) => pool.query('select $1::int as n', [8], callback))).toEqual([{ n: 8 }])
    expect(await called((callback) => pool.query('select nonsense', callback))).toMatchObject({ code: '42703' })
  })

  test('a failed query says who asked, and gives its client back', async () => {
    const pool = await make({ max: 1 })
    const error = await rejection(pool.query('select nonsense'))
    expect(error).toMatchObject({ code: '42703' })
    expect(error.stack).toContain('pool-contract.test.ts')
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    const given: unknown = await new Promise((resolve) => {
      Reflect.apply(Reflect.get(pool, 'query') as () => unknown, pool, [(failure: unknown) => resolve(failure)])
    })
    expect(String(given)).toContain('Passing a function as the first parameter')
  })

  test('a client takes submittables', async () => {
    const pool = await make()
    const client = await pool.connect()
    const rows: unknown[] = []
    await new Promise<void>((resolve, reject) => {
      const query = client.query(new pg.Query('select generate_series(1, 3) as n'))
      query.on('row', (row: unknown) => rows.push(row))
      query.on('end', () => resolve())
      query.on('error', reject)
    })
    client.release()
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  test('release ends a lease once, and destroys with an error', async () => {
    const pool = await make({ max: 1 })
    const first = await pool.connect()
    first.release()
    expect(() => first.release()).toThrow('Release called on client which has already been released to the pool.')
    const again = await pool.connect()
    expect(again).toBe(first)
    again.release(new Error('of no use'))
    const other = await pool.connect()
    expect(other).not.toBe(first)
    other.release(true)
    await eventually('it is gone', () => pool.totalCount === 0)
  })

  test('events come in order', async () => {
    const pool = await make({ max: 1 })
    const seen: string[] = []
    const clients = new Set<unknown>()
    pool.on('connect', (client) => seen.push('connect') && clients.add(client))
    pool.on('acquire', (client) => seen.push('acquire') && clients.add(client))
    pool.on('release', (error, client) => seen.push(`release ${String(error)}`) && clients.add(client))
    pool.on('remove', (client) => seen.push('remove') && clients.add(client))
    ;(await pool.connect()).release()
    ;(await pool.connect()).release(true)
    await eventually('its socket is closed', () => seen.includes('remove'))
    expect(seen).toEqual(['connect', 'acquire', 'release undefined', 'acquire', 'release true', 'remove'])
    expect(clients.size).toBe(1)
  })

  test('counts are live', async () => {
    const pool = await make({ max: 1 })
    const counts = (): number[] => [pool.totalCount, pool.idleCount, pool.waitingCount, pool.expiredCount]
    expect(counts()).toEqual([0, 0, 0, 0])
    const client = await pool.connect()
    expect(counts()).toEqual([1, 0, 0, 0])
    const second = pool.connect()
    expect(counts()).toEqual([1, 0, 1, 0])
    client.release()
    ;(await second).release()
    await eventually('it is idle', () => counts().join() === '1,1,0,0')
  })

  test('options are plain, without a password to be seen', async () => {
    const given: PgPoolOptions = Object.freeze({ max: 7, min: 0, password: () => cluster.password })
    const pool = await make(given)
    expect(pool.options).toMatchObject({ max: 7, min: 0 })
    expect(cluster.nodes.map(({ port }) => port)).toContain(pool.options.port)
    expect(Object.keys(pool.options)).not.toContain('password')
    expect(inspect(pool.options)).not.toContain(cluster.password)
  })

  test('end waits for clients, ends once, and says so at once', async () => {
    const pool = await make()
    const client = await pool.connect()
    let isOver = false
    const ended = pool.end().then(() => (isOver = true))
    expect([pool.ending, pool.ended]).toEqual([true, false])
    expect((await rejection(pool.end())).message).toBe('Called end on pool more than once')
    await client.query('select 1')
    expect(isOver).toBe(false)
    client.release()
    await ended
    expect(pool.ended).toBe(true)
    const called = await make()
    await new Promise<void>((resolve) => called.end(resolve))
    expect(called.ended).toBe(true)
  })

  test('hooks are called with each new client', async () => {
    const seen: string[] = []
    const pool = await make({
      max: 1,
      maxUses: 2,
      onConnect: hook(async (client) => {
        await client.query("set application_name = 'hooked'")
        seen.push('onConnect')
      }),
      verify: (_client, callback) => {
        seen.push('verify')
        callback()
      },
    })
    for (let count = 0; count < 4; count += 1) await pool.query('select 1')
    expect(seen).toEqual(['onConnect', 'verify', 'onConnect', 'verify'])
    await eventually('all are used up', async () => (await sessions('hooked')) === 0)
    const refusing = await make({ onConnect: hook(() => Promise.reject(new Error('not this one'))) })
    expect((await rejection(refusing.connect())).message).toContain('not this one')
  })

  test('connections are not kept beyond their lifetime', async () => {
    const pool = await make({ application_name: 'short-lived', maxLifetimeSeconds: 1 })
    await pool.query('select 1')
    expect(await sessions('short-lived')).toBe(1)
    await eventually('it is closed', async () => (await sessions('short-lived')) === 0, 5_000)
  })

  test('an idle connection that dies is told as an error of the pool, and replaced', async () => {
    const pool = await make({ max: 1 })
    const told: unknown[] = []
    pool.on('error', (error, client) => {
      told.push([error.message.length > 0, client instanceof pg.Client, Reflect.get(error, 'client') === client])
    })
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    for (const node of cluster.nodes) await node.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await eventually('it is told', () => told.length > 0)
    expect(told).toEqual([[true, true, true]])
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })
})

describe.each(POOLS.slice(1))('%s, beyond pg.Pool', (_name, make) => {
  test('a backend that dies under a client without listeners rejects its query, and ends its lease', async () => {
    const pool = await make({ max: 1 })
    const client = await pool.connect()
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const hanging = rejection(client.query('select pg_sleep(60)'))
    for (const node of cluster.nodes) await node.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    expect(await hanging).toMatchObject({ code: '57P01' })
    // Nobody released it.
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    client.release()
    await pool.end()
  })
})
