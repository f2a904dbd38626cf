import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { FaultProxy, PgCluster } from '../../../src/testing/index.ts'
import {
  at,
  codeOf,
  expectNothingLeft,
  openClient,
  portsOf,
  runFolderOf,
  settledWithin,
  tryConnect,
} from './support.ts'

let cluster: PgCluster
let proxy: FaultProxy
let uri: string

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 0 })
  await at(cluster.nodes, 0).query('create table t (what text); grant all on t to app')
})

afterAll(async () => {
  const [folder, ports] = [runFolderOf(cluster), portsOf(cluster)]
  await cluster.close()
  await expectNothingLeft(folder, ports)
})

beforeEach(async () => {
  proxy = await FaultProxy.start({ target: at(cluster.nodes, 0) })
  uri = cluster.dsnOf(proxy)
})

afterEach(async () => {
  await proxy.close()
  expect(proxy.connections).toBe(0)
  expect(await tryConnect(proxy.port)).toBe('ECONNREFUSED')
})

const countOf = async (what: string): Promise<number> =>
  (await at(cluster.nodes, 0).query('select 1 from t where what = $1', [what])).length

/** A bare connection, and how it ended: with `end`, or with the code of an error. */
async function openSocket(): Promise<{ socket: Socket; ended: Promise<string>; received: () => number }> {
  const socket = connect(proxy.port, '127.0.0.1')
  let received = 0
  socket.on('data', (bytes: Buffer) => (received += bytes.length))
  const ended = new Promise<string>((resolve) => {
    socket.on('end', () => resolve('end'))
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
  await new Promise((resolve) => socket.on('connect', resolve))
  await expect.poll(() => proxy.connections).toBeGreaterThan(0)
  return { socket, ended, received: () => received }
}

test('passes everything on, and counts it', async () => {
  {
    await using app = await openClient(uri)
    const text = 'x'.repeat(3_000_000)
    const { rows } = await app.client.query<{ n: string; text: string }>('select length($1) as n, $1 as text', [text])
    expect(rows[0]?.text).toBe(text)
    expect(proxy.connections).toBe(1)
  }
  await expect.poll(() => proxy.connections).toBe(0)
  expect(proxy.accepted).toBe(1)
  expect(proxy.bytesToServer).toBeGreaterThan(3_000_000)
  expect(proxy.bytesToClient).toBeGreaterThan(3_000_000)
  expect(cluster.dsnOf(proxy)).toContain(`@127.0.0.1:${proxy.port}/`)
})

test('refuse closes the port, and pass opens the same one', async () => {
  await using app = await openClient(uri)
  for (let round = 0; round < 3; round += 1) {
    proxy.refuse()
    expect(await codeOf(openClient(uri))).toBe('ECONNREFUSED')
    expect((await app.client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await proxy.pass()
    await (await openClient(uri)).client.end()
  }
})

test('silent lets nothing through, new connections included, and pass delivers what was held', async () => {
  await using app = await openClient(uri)
  const before = [proxy.bytesToServer, proxy.bytesToClient]
  proxy.silent()
  const query = app.client.query("insert into t values ('silent')")
  const late = openClient(uri)
  expect(await settledWithin(query, 300)).toBe('pending')
  expect(await settledWithin(late, 50)).toBe('pending')
  expect([proxy.bytesToServer, proxy.bytesToClient]).toEqual(before)
  expect(proxy.connections).toBe(2)
  expect(await countOf('silent')).toBe(0)
  await proxy.pass()
  await query
  await (await late).client.end()
  expect(await countOf('silent')).toBe(1)
})

test('silent keeps even the end of a connection from the other side', async () => {
  const app = await openClient(uri)
  const about = "select count(*)::int as n from pg_stat_activity where usename = 'app'"
  proxy.silent()
  await app[Symbol.asyncDispose]()
  expect(await at(cluster.nodes, 0).query(about)).toEqual([{ n: 1 }])
  await proxy.pass()
  await expect.poll(() => at(cluster.nodes, 0).query(about)).toEqual([{ n: 0 }])
})

test('delay makes each way longer', async () => {
  await using app = await openClient(uri)
  proxy.delay(100)
  const start = performance.now()
  await app.client.query('select 1')
  expect(performance.now() - start).toBeGreaterThanOrEqual(198)
  expect(() => proxy.delay(-1)).toThrow('delayMs')
  await proxy.pass()
  await app.client.query('select 1')
})

test('dropToServer: the server hears nothing', async () => {
  await using app = await openClient(uri)
  proxy.dropToServer()
  const query = app.client.query("insert into t values ('to server')")
  expect(await settledWithin(query, 200)).toBe('pending')
  expect(await countOf('to server')).toBe(0)
  await proxy.pass()
  await query
})

test('dropToClient: the server does it, and the client never hears', async () => {
  await using app = await openClient(uri)
  proxy.dropToClient()
  const query = app.client.query("insert into t values ('to client')")
  await expect.poll(() => countOf('to client')).toBe(1)
  expect(await settledWithin(query, 100)).toBe('pending')
  proxy.reset()
  expect(await codeOf(query)).toBe('ECONNRESET')
})

test('reset and closeConnections end what is open', async () => {
  const one = await openSocket()
  proxy.reset()
  expect(await one.ended).toBe('ECONNRESET')
  const other = await openSocket()
  proxy.closeConnections()
  expect(await other.ended).toBe('end')
  await using app = await openClient(uri)
  proxy.reset()
  await expect.poll(() => app.lost.length).toBeGreaterThan(0)
  expect(proxy.connections).toBe(0)
})

test('halfClose ends one direction', async () => {
  const { socket, ended } = await openSocket()
  proxy.halfClose('client')
  expect(await ended).toBe('end')
  socket.destroy()
  await using app = await openClient(uri)
  proxy.halfClose('server')
  await expect.poll(() => app.lost.length).toBeGreaterThan(0)
})

test('cutReply: the commit is forwarded and done, its answer is cut', async () => {
  await using app = await openClient(uri)
  const struck = proxy.when({ direction: 'toServer', pattern: 'commit', then: 'cutReply' })
  await app.client.query('begin')
  await app.client.query("insert into t values ('done')")
  expect(await settledWithin(struck, 20)).toBe('pending')
  expect(await codeOf(app.client.query('COMMIT'))).toBe('ECONNRESET')
  await struck
  expect(await countOf('done')).toBe(1)
  await (await openClient(uri)).client.end()
})

test('a pattern need not be forwarded', async () => {
  await using app = await openClient(uri)
  void proxy.when({ direction: 'toServer', pattern: Buffer.from("'unheard'"), forward: false, then: 'close' })
  expect(await codeOf(app.client.query("insert into t values ('unheard')"))).not.toBe('no error')
  expect(await countOf('unheard')).toBe(0)
})

test('a pattern is found across packets', async () => {
  const { socket, ended } = await openSocket()
  const struck = proxy.when({ direction: 'toServer', pattern: 'secret', then: 'reset' })
  socket.setNoDelay(true).write('\0\0\0\x30sec')
  await pause(50)
  socket.write('ret')
  await struck
  expect(await ended).toBe('ECONNRESET')
})

test('afterBytes cuts exactly there: at each phase of the protocol', async () => {
  for (const afterBytes of [0, 1, 5, 9, 30, 300]) {
    const before = proxy.bytesToClient
    const struck = proxy.when({ direction: 'toClient', afterBytes, then: afterBytes % 2 === 0 ? 'reset' : 'close' })
    expect(await codeOf(openClient(uri))).not.toBe('no error')
    await struck
    expect(proxy.bytesToClient - before).toBe(afterBytes)
  }
})

test('silence can begin at a pattern, for that connection alone', async () => {
  await using app = await openClient(uri)
  await using other = await openClient(uri)
  const struck = proxy.when({ direction: 'toServer', pattern: 'hush', then: 'silent' })
  const query = app.client.query("select 'hush'")
  await struck
  expect(await settledWithin(query, 200)).toBe('pending')
  expect((await other.client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await proxy.pass()
  await query
})

test('a trigger without a moment is refused', async () => {
  expect(await codeOf(proxy.when({ direction: 'toServer', then: 'reset' }))).toBe('ERR_HASQL_OPTIONS')
})

test('a server that is down resets; one that is back is reached', async () => {
  const node = at(cluster.nodes, 0)
  await node.stop('immediate')
  expect(await codeOf(openClient(uri))).toBe('ECONNRESET')
  await node.start()
  await (await openClient(uri)).client.end()
})

test('a port that is taken rejects', async () => {
  expect(await codeOf(FaultProxy.start({ target: at(cluster.nodes, 0), port: proxy.port }))).toBe('EADDRINUSE')
})

test('closes with connections in every state', async () => {
  await using app = await openClient(uri)
  proxy.silent()
  const ends = [codeOf(app.client.query('select 1')), codeOf(openClient(uri))]
  await expect.poll(() => proxy.connections).toBe(2)
  await proxy.close()
  expect(proxy.close()).toBe(proxy.close())
  for (const end of ends) expect(await end).not.toBe('no error')
  await proxy.pass()
  expect(await tryConnect(proxy.port)).toBe('ECONNREFUSED')
})
