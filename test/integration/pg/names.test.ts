import { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AcquireTimeoutError, LookupTimeoutError, ManagerClosedError, PoolManager } from 'hasql/pg'
import type { PgManagerOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { NameServer } from '../../support/name-server.ts'
import { Relay } from '../../support/relay.ts'
import { runProgram } from '../../support/run-program.ts'

forbidEscapedErrors()

const QUICK: PgManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 500 }
const HOME = ['127.0.0.1']
const PORT = 'select inet_server_port() as port'

let cluster: PgCluster
let names: NameServer
let managers: PoolManager[]

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})
beforeEach(() => {
  names = new NameServer()
  managers = []
})
afterEach(async () => {
  for (const db of managers) await db.close({ timeoutMs: 0 })
})

/** A manager whose hosts are names that only the test's resolver knows. */
function open(
  places: readonly (readonly [name: string, port: number])[],
  options: PgManagerOptions = QUICK,
): PoolManager {
  const dsn = cluster.dsnOf(...places.map(([host, port]) => ({ host, port })))
  const db = new PoolManager(dsn, { ...options, lookup: names.lookup })
  managers.push(db)
  return db
}

const stateOf = (db: PoolManager, name: string) =>
  [...db.topology.hosts.values()].find(({ hostId }) => hostId.startsWith(`${name}:`))

async function nodes(): Promise<readonly [master: PgNode, replica: PgNode]> {
  const [master, [replica]] = [await cluster.master(), await cluster.replicas()]
  if (replica === undefined) throw new Error('no replica')
  return [master, replica]
}

/** Ends every connection of the application at the servers, so that all must be made anew. */
async function endConnections(db: PoolManager): Promise<void> {
  const [master, replica] = await nodes()
  const sql =
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
  for (const node of [master, replica]) await node.query(sql)
  await eventually('all connections are gone', () => db.metrics().drivers.every(({ total }) => total === 0))
}

describe('a name that does not answer', () => {
  test('for ever: the other hosts work, and fail over', async () => {
    const [master, replica] = await nodes()
    names.set('dead.test', 'hangs')
    for (const name of ['a.test', 'b.test']) names.set(name, HOME)
    const db = open(
      [
        ['dead.test', 6432],
        ['a.test', master.port],
        ['b.test', replica.port],
      ],
      {
        ...QUICK,
        connectTimeoutMs: 3_000,
      },
    )
    await db.ready({ mastersCount: 1, replicasCount: 1 })
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
    await eventually('the dead name is given up', () => stateOf(db, 'dead.test')?.kind === 'unreachable')
    expect(stateOf(db, 'dead.test')).toMatchObject({
      cause: { code: 'ERR_HASQL_LOOKUP_TIMEOUT', hostname: 'dead.test' },
    })
    await master.stop('immediate')
    await replica.promote()
    const promotedAtMs = performance.now()
    await db.withMaster((c) => c.query('create table after_failover ()'))
    expect(performance.now() - promotedAtMs).toBeLessThan(1_000)
    await master.rejoin(replica)
    await eventually('the old master is a replica', () => stateOf(db, 'a.test')?.kind === 'replica')
    expect((await db.withReplica((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
    expect(names.asked('dead.test')).toBe(1)
  })

  test('any more, none of them: connections are made to the addresses last known, also in a failover', async () => {
    const [master, replica] = await nodes()
    for (const name of ['a.test', 'b.test']) names.set(name, HOME)
    const db = open([
      ['a.test', master.port],
      ['b.test', replica.port],
    ])
    await db.ready()
    for (const name of ['a.test', 'b.test']) names.set(name, 'hangs')
    await endConnections(db)
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
    expect((await db.withReplica((c) => c.query(PORT))).rows).toEqual([{ port: replica.port }])
    await master.stop('fast')
    await replica.promote()
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: replica.port }])
    await master.rejoin(replica)
    await eventually('the old master is a replica', () => stateOf(db, 'a.test')?.kind === 'replica')
  })

  test('and never did: the error says so', async () => {
    names.set('dead.test', 'hangs')
    const db = open([['dead.test', 5432]])
    const error = await rejection(db.acquireMaster({ timeoutMs: 1_500 }))
    expect(error).toBeInstanceOf(AcquireTimeoutError)
    expect(String(error)).toMatch(/The resolver gave no address for 'dead\.test' within 4\d\d ms, and none is known/)
    expect(stateOf(db, 'dead.test')).toHaveProperty('cause', expect.any(LookupTimeoutError))
  })
})

test('a name that fails after it was good goes on being what it was', async () => {
  const [master, replica] = await nodes()
  for (const name of ['a.test', 'b.test']) names.set(name, HOME)
  const db = open([
    ['a.test', master.port],
    ['b.test', replica.port],
  ])
  const down: string[] = []
  await db.ready()
  db.on('hostDown', ({ host }) => down.push(host))
  names.set('a.test', { code: 'ENOTFOUND' })
  names.set('b.test', { code: 'EAI_AGAIN' })
  await endConnections(db)
  expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
  expect((await db.withReplica((c) => c.query(PORT))).rows).toEqual([{ port: replica.port }])
  await db.waitNextPoolCheck()
  expect(down).toEqual([])
  expect(names.asked('a.test')).toBeGreaterThan(2)
})

test('a name that was never found is said to be so', async () => {
  const error = await rejection(open([['nowhere.test', 5432]]).acquireMaster({ timeoutMs: 300 }))
  expect(String(error)).toMatch(
    /nowhere\.test:5432 is unreachable(?: for \d\.\d s)? \(getaddrinfo ENOTFOUND nowhere\.test\)/,
  )
})

test('an endpoint that moves to the new master is followed', async () => {
  const [master, replica] = await nodes()
  const old = await Relay.open('127.0.0.2', 0, master)
  const next = await Relay.open('127.0.0.3', old.port, replica)
  try {
    names.set('writer.test', ['127.0.0.2'])
    const db = open([['writer.test', old.port]])
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
    await master.stop('fast')
    await replica.promote()
    names.set('writer.test', ['127.0.0.3'])
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: replica.port }])
    await master.rejoin(replica)
  } finally {
    for (const db of managers) await db.close({ timeoutMs: 0 })
    await old.close()
    await next.close()
  }
})

describe('a name with several addresses', () => {
  test('whose first one refuses is reached by the next', async () => {
    const [master, replica] = await nodes()
    names.set('a.test', ['127.0.0.9', ...HOME])
    names.set('b.test', ['::1', ...HOME])
    const db = open([
      ['a.test', master.port],
      ['b.test', replica.port],
    ])
    await db.ready()
    expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
    expect((await db.withReplica((c) => c.query(PORT))).rows).toEqual([{ port: replica.port }])
  })

  test('that all refuse: one error lists every address, for the event and for the caller', async () => {
    const [master] = await nodes()
    names.set('a.test', ['127.0.0.9', '127.0.0.8'])
    const db = open([['a.test', master.port]])
    const told = new Promise<Error>((resolve) => db.on('hostDown', ({ cause }) => resolve(cause)))
    const error = await rejection(db.acquireMaster({ timeoutMs: 300 }))
    const [one, other] = ['127.0.0.9', '127.0.0.8'].map((address) => `connect ECONNREFUSED ${address}:${master.port}`)
    const text = `2 addresses failed: ${one ?? ''}; ${other ?? ''}`
    expect(String(error).replace(/ for \d\.\d s/, '')).toContain(`is unreachable (${text})`)
    expect(await told).toMatchObject({ message: text, code: 'ECONNREFUSED' })
  })
})

describe('closing while a look-up is pending', () => {
  test('is prompt, and refuses whoever waits', async () => {
    names.set('dead.test', 'hangs')
    const db = open([['dead.test', 5432]], { connectTimeoutMs: 30_000 })
    const waiting = rejection(db.acquireMaster())
    await eventually('the name is looked up', () => names.asked('dead.test') === 1)
    const before = performance.now()
    await db.close()
    expect(performance.now() - before).toBeLessThan(500)
    expect(await waiting).toBeInstanceOf(ManagerClosedError)
  })

  test('lets the process end', async () => {
    const { code, out } = await runProgram(
      cluster.dsnOf({ host: 'dead.test', port: 5432 }),
      `const db = new PoolManager(dsn, { connectTimeoutMs: 60_000, lookup: () => undefined })
       db.acquireMaster().catch((error) => console.log(error.code))
       setTimeout(() => void db.close().then(() => console.log('closed')), 300)`,
      20_000,
    )
    expect({ code, out }).toEqual({ code: 0, out: 'ERR_HASQL_CLOSED\nclosed\n' })
  })
})

test('what is an address already is never looked up', async () => {
  const db = new PoolManager(cluster.dsn, { ...QUICK, lookup: names.lookup })
  managers.push(db)
  await db.ready()
  await db.withMaster((c) => c.query('select 1'))
  expect(names.asked('127.0.0.1')).toBe(0)
})

test('sockets that the caller makes serve the pools and the checks alike, and look nothing up here', async () => {
  const [master] = await nodes()
  let made = 0
  const stream = (): Socket => {
    made += 1
    const socket = new Socket()
    const dial = socket.connect.bind(socket)
    return Object.assign(socket, { connect: (port: number) => dial(port, '127.0.0.1') })
  }
  const db = open([['tunnel.test', master.port]], { ...QUICK, poolOptions: { stream } })
  expect((await db.withMaster((c) => c.query(PORT))).rows).toEqual([{ port: master.port }])
  expect(names.asked('tunnel.test')).toBe(0)
  expect(made).toBeGreaterThanOrEqual(2)
})
