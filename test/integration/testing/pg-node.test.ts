import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { processesUnder } from '../../../src/testing/processes.ts'
import { PgCluster } from '../../../src/testing/index.ts'
import type { PgNode } from '../../../src/testing/index.ts'
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
let master: PgNode
let replica: PgNode

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  await at(cluster.nodes, 0).query('create table t (i int); grant all on t to app')
})

beforeEach(async () => {
  for (const node of cluster.nodes) {
    node.thaw()
    await node.start()
  }
  ;[master, replica] = [at(cluster.nodes, 0), at(cluster.nodes, 1)]
})

afterAll(async () => {
  const [folder, ports] = [runFolderOf(cluster), portsOf(cluster)]
  await cluster.close()
  await expectNothingLeft(folder, ports)
})

test('stop fast ends the clients, start brings the node back as what it was', async () => {
  await using app = await openClient(cluster.dsnOf(master))
  await master.stop()
  await expect.poll(() => app.lost.length).toBeGreaterThan(0)
  expect(await master.role()).toBe('down')
  expect(master.pid).toBeUndefined()
  expect(await tryConnect(master.port)).toBe('ECONNREFUSED')
  await master.stop('immediate')
  await master.start()
  await master.start()
  expect(await master.role()).toBe('master')
  expect(await replica.role()).toBe('replica')
})

test('stop smart waits for the clients', async () => {
  const app = await openClient(cluster.dsnOf(replica))
  const stopping = replica.stop('smart')
  expect(await settledWithin(stopping, 300)).toBe('pending')
  expect((await app.client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  expect(await codeOf(openClient(cluster.dsnOf(replica)))).toBe('57P03')
  await app[Symbol.asyncDispose]()
  await stopping
  expect(await replica.role()).toBe('down')
})

test('stop immediate is a crash: recovery follows', async () => {
  await master.query('insert into t values (1)')
  await master.restart('immediate')
  expect(master.log()).toContain('database system was not properly shut down')
  expect((await master.query('select i from t')).length).toBeGreaterThan(0)
})

test('kill leaves no process of the node, its port closed, and no shared memory', async () => {
  const segment = readFileSync(join(master.dataFolder, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]
  await using app = await openClient(cluster.dsnOf(master))
  await master.kill()
  await master.kill()
  expect(processesUnder(master.dataFolder)).toEqual([])
  expect(await tryConnect(master.port)).toBe('ECONNREFUSED')
  const segments = execFileSync('ipcs', ['-m'], { encoding: 'utf8' }).split('\n')
  expect(segments.filter((line) => line.split(/\s+/)[1] === segment)).toEqual([])
  await expect.poll(() => app.lost.length).toBeGreaterThan(0)
  expect(await codeOf(master.query('select 1'))).toBe('ERR_HASQL_TESTING_STATE')
  await master.start()
  expect(await master.role()).toBe('master')
})

test('killBackend makes the server restart all others', async () => {
  await using app = await openClient(cluster.dsnOf(master))
  await using other = await openClient(cluster.dsnOf(master))
  const { rows } = await app.client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const postmaster = master.pid
  await master.killBackend(at(rows, 0).pid)
  await expect.poll(() => app.lost.length).toBeGreaterThan(0)
  await expect.poll(() => other.lost.length).toBeGreaterThan(0)
  await expect.poll(() => codeOf(openClient(cluster.dsnOf(master)).then((one) => one.client.end()))).toBe('no error')
  expect(master.pid).toBe(postmaster)
  expect(await codeOf(master.killBackend(process.pid))).toBe('ERR_HASQL_TESTING_STATE')
})

test('freeze really freezes, thaw lets everything go on', async () => {
  await using app = await openClient(cluster.dsnOf(master))
  const port = master.port
  await master.freeze()
  await master.freeze()
  expect(processesUnder(master.dataFolder).map(({ state }) => state)).toEqual(
    processesUnder(master.dataFolder).map(() => 'T'),
  )
  expect(await master.role()).toBe('frozen')
  const insert = app.client.query('insert into t values (7)')
  const late = openClient(cluster.dsnOf(master))
  expect(await settledWithin(insert, 300)).toBe('pending')
  expect(await settledWithin(late, 100)).toBe('pending')
  expect(await tryConnect(port)).toBe('connected')
  master.thaw()
  master.thaw()
  await insert
  await (await late).client.end()
  expect(await master.query('select i from t where i = 7')).toEqual([{ i: 7 }])
  expect(await master.role()).toBe('master')
})

test('a frozen node is thawed for a stop, and can be killed', async () => {
  await master.freeze()
  await master.stop()
  expect(await master.role()).toBe('down')
  await master.start()
  await master.freeze()
  await master.kill()
  expect(processesUnder(master.dataFolder)).toEqual([])
})

test('freezePostmasterOnly leaves the connections that exist', async () => {
  await using app = await openClient(cluster.dsnOf(master))
  master.freezePostmasterOnly()
  expect((await app.client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  const late = openClient(cluster.dsnOf(master))
  expect(await settledWithin(late, 300)).toBe('pending')
  master.thaw()
  await (await late).client.end()
})

test('pauseReplay lets a replica fall behind', async () => {
  await replica.pauseReplay()
  await master.query('insert into t values (11)')
  expect(await replica.query('select i from t where i = 11')).toEqual([])
  await replica.resumeReplay()
  await expect.poll(() => replica.query('select i from t where i = 11')).toEqual([{ i: 11 }])
})

test('setting changes one node, and keeps what a restart needs', async () => {
  await replica.setting('work_mem', '9MB')
  expect(await replica.query('show work_mem')).toEqual([{ work_mem: '9MB' }])
  expect(await master.query('show work_mem')).toEqual([{ work_mem: '4MB' }])
  await replica.stop()
  await replica.setting('max_connections', 120)
  await replica.start()
  expect(await replica.query('show max_connections')).toEqual([{ max_connections: '120' }])
  await replica.setting('max_connections', 100)
})

test('query takes parameters, and rejects with what the server says', async () => {
  expect(await master.query<{ sum: number }>('select $1::int + $2::int as sum', [1, 2])).toEqual([{ sum: 3 }])
  expect(await codeOf(master.query('select nonsense'))).toBe('42703')
})

test('promote resolves when the node accepts writes, with the time it took', async () => {
  await using app = await openClient(cluster.dsnOf(replica))
  const tookMs = await replica.promote()
  await app.client.query('insert into t values (21)')
  expect(tookMs).toBeGreaterThan(0)
  expect(await replica.role()).toBe('master')
  await replica.promote()
  expect(await cluster.master()).toBe(replica)
  await replica.restart()
  expect(await replica.role()).toBe('master')
  expect(await replica.rejoin(master)).toBe('cloned')
  expect(await replica.query('select i from t where i = 21')).toEqual([])
})
