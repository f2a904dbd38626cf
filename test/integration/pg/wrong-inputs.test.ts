import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  AccessRefusedError,
  AcquireTimeoutError,
  DsnError,
  ManagerClosedError,
  OptionsError,
  PoolManager,
  ReadyTimeoutError,
  UnknownConnectionError,
} from 'hasql/pg'
import type { PgManagerOptions } from 'hasql/pg'
import pg from 'pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})

/** Runs with a manager that is closed whatever happens. */
async function withManager<T>(
  dsn: string,
  options: PgManagerOptions,
  use: (db: PoolManager) => Promise<T>,
): Promise<T> {
  const db = new PoolManager(dsn, options)
  try {
    return await use(db)
  } finally {
    await db.close({ timeoutMs: 0 })
  }
}

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('a misspelt option is named, with the one that was meant', () => {
  // @ts-expect-error the types refuse it too
  const make = (): PoolManager => new PoolManager(cluster.dsn, { fallBackMaster: true })
  expect(make).toThrow(OptionsError)
  expect(make).toThrow("PoolManager has no option 'fallBackMaster'. Did you mean fallbackMaster?")
})

test('so is one of the driver’s own, and a list of what there is has these, too', () => {
  // @ts-expect-error the types refuse it too
  expect(() => new PoolManager(cluster.dsn, { poolOption: { max: 2 } })).toThrow('Did you mean poolOptions?')
  // @ts-expect-error the types refuse it too
  expect(() => new PoolManager(cluster.dsn, { max: 2 })).toThrow('Known options: poolOptions, pg, acquireTimeoutMs, ')
})

test('a share out of range says what a share is', async () => {
  expect(() => new PoolManager(cluster.dsn, { masterAsReplicaWeight: 10 })).toThrow(
    'masterAsReplicaWeight must be a number from 0 to 1 (0.1 is every tenth), but is 10',
  )
  await withManager(cluster.dsn, {}, async (db) => {
    await expect(db.acquireReplica({ masterAsReplicaWeight: -0.1 })).rejects.toThrow(OptionsError)
  })
})

test('masterAsReplicaWeight without readOnly is an error', async () => {
  await withManager(cluster.dsn, {}, async (db) => {
    await expect(db.acquire({ masterAsReplicaWeight: 0.5 })).rejects.toThrow(
      'masterAsReplicaWeight is for reads: use it with readOnly: true or with acquireReplica',
    )
  })
})

test('only one of the counts of ready is an error that names the other', async () => {
  await withManager(cluster.dsn, {}, async (db) => {
    await expect(db.ready({ mastersCount: 1 })).rejects.toThrow(
      'ready takes both mastersCount and replicasCount, or neither: add replicasCount',
    )
    await expect(db.ready({ replicasCount: 1 })).rejects.toThrow('add mastersCount')
    await expect(db.ready({ mastersCount: 1, replicasCount: 5 })).rejects.toThrow('but the DSN has 2 host(s)')
  })
})

test('a foreign connection and one given back twice are told apart', async () => {
  await withManager(cluster.dsn, {}, async (db) => {
    const foreign = new pg.Pool({ connectionString: cluster.dsnOf(await cluster.master()) })
    const stranger = await foreign.connect()
    // @ts-expect-error a plain PoolClient is not disposable
    expect(() => db.release(stranger)).toThrow('This connection was not acquired from this pool manager')
    stranger.release()
    await foreign.end()
    const connection = await db.acquireMaster()
    db.release(connection)
    expect(() => db.release(connection)).toThrow(UnknownConnectionError)
    expect(() => connection.release()).toThrow('This connection was released already')
  })
})

test('acquire after close says so', async () => {
  const db = new PoolManager(cluster.dsn)
  await db.close()
  const error = await rejection(db.acquireMaster())
  expect(error).toBeInstanceOf(ManagerClosedError)
  expect(String(error)).toContain('Cannot acquire a connection: the pool manager is closed')
  expect(() => db.start()).toThrow(ManagerClosedError)
  await expect(db.ready()).rejects.toThrow(ManagerClosedError)
})

test('a wrong password fails at once, names each host, and never shows the password', async () => {
  const dsn = cluster.dsn.replace(cluster.password, 'canary-wrong')
  const error = await withManager(dsn, {}, (db) => rejection(db.acquireMaster()))
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toContain('password authentication failed for user')
  expect(String(error)).toContain('Check user, password, database and TLS settings')
  expect(JSON.stringify(error) + String(error)).not.toContain('canary-wrong')
})

test('an unknown database fails at once and is named', async () => {
  const dsn = cluster.dsn.replace(/\/[a-z]+(\?|$)/, '/nowhere$1')
  const error = await withManager(dsn, {}, (db) => rejection(db.acquireMaster()))
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toContain('database "nowhere" does not exist')
})

test('a database that one may not connect to fails at once and is named', async () => {
  const master = await cluster.master()
  await master.query('create database closed')
  await master.query('revoke connect on database closed from public')
  const dsn = cluster.dsn.replace(/\/[a-z]+(\?|$)/, '/closed$1')
  const error = await withManager(dsn, {}, (db) => rejection(db.acquireMaster()))
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toContain('permission denied for database "closed"')
})

test('a missing password says that one is missing', async () => {
  const dsn = cluster.dsn.replace(`:${cluster.password}`, '')
  const error = await withManager(dsn, {}, (db) => rejection(db.acquireMaster()))
  expect(error).toBeInstanceOf(AccessRefusedError)
})

test('all hosts down: the timeout lists each host and why', async () => {
  const [one, two] = [await closedPort(), await closedPort()]
  await withManager(`postgresql://u:p@127.0.0.1:${one},127.0.0.1:${two}/d`, {}, async (db) => {
    const error = await rejection(db.acquireMaster({ timeoutMs: 300 }))
    if (!(error instanceof AcquireTimeoutError)) throw error
    expect(error.reason).toBe('no-suitable-host')
    expect(error.message).toContain('No master was found within 300 ms')
    expect(error.message.replaceAll(/ for \d\.\d s/g, '')).toContain(
      `127.0.0.1:${one} is unreachable (connect ECONNREFUSED 127.0.0.1:${one})`,
    )
    expect(error.hosts.map(({ state }) => state)).toEqual(['unreachable', 'unreachable'])
    const notReady = await rejection(db.ready({ timeoutMs: 100 }))
    expect(notReady).toBeInstanceOf(ReadyTimeoutError)
    expect(String(notReady)).toContain('wanted all hosts')
  })
})

test('one host down at start does not keep the others from being used', async () => {
  const port = await closedPort()
  const dsn = cluster.dsnOf({ host: '127.0.0.1', port }, ...cluster.nodes)
  await withManager(dsn, {}, async (db) => {
    await db.ready({ mastersCount: 1, replicasCount: 1 })
    const { rows } = await db.withMaster((connection) => connection.query('select pg_is_in_recovery() as r'))
    expect(rows).toEqual([{ r: false }])
    await expect(db.waitAllReady(100)).rejects.toThrow('ECONNREFUSED')
  })
})

test('TLS that the server does not have is refused, not silently dropped', async () => {
  const error = await withManager(`${cluster.dsn}?sslmode=require`, {}, (db) => rejection(db.acquireMaster()))
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toContain('The server does not support SSL connections')
})

test('a DSN that cannot be read says where', () => {
  expect(() => new PoolManager('postgresql://u:canary@h:port/d')).toThrow(DsnError)
  expect(() => new PoolManager('postgresql://u:canary@h/d?sslmod=require')).toThrow(/sslmod/)
})

test('hosts that the DSN does not have are refused', () => {
  expect(() => new PoolManager('postgresql://u@a,b/d', { hosts: { 'c:5432': { weight: 2 } } })).toThrow(
    "hosts names 'c:5432', but the DSN has a:5432, b:5432",
  )
})
