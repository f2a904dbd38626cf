import { afterEach, beforeEach, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { PgManagerOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'

forbidEscapedErrors()

const QUICK: PgManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 500 }

let cluster: PgCluster
let master: PgNode
let replica: PgNode
let db: PoolManager

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
  const [first] = await cluster.replicas()
  if (first === undefined) throw new Error('no replica')
  replica = first
  db = new PoolManager(cluster.dsn, QUICK)
  await db.ready()
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  await cluster.close()
})

function kindOf(node: PgNode): string | undefined {
  return [...db.topology.hosts.values()].find(({ hostId }) => hostId.endsWith(`:${node.port}`))?.kind
}

test('two masters on one timeline: the incumbent stays, the rival gets nothing, and it is said', async () => {
  const second = await cluster.addReplica()
  const all = new PoolManager(cluster.dsnOf(...cluster.nodes), QUICK)
  try {
    await all.ready()
    const rivals = new Promise<{ host: string; master: string | undefined }>((resolve) => all.on('splitBrain', resolve))
    await master.stop('immediate')
    await replica.promote()
    await all.waitMastersReady()
    await second.promote()
    const { host, master: kept } = await rivals
    expect(host).toContain(`:${second.port}`)
    expect(kept).toContain(`:${replica.port}`)
    const { rows } = await all.withMaster((c) => c.query('select inet_server_port() as port'))
    expect(rows).toEqual([{ port: replica.port }])
  } finally {
    await all.close({ timeoutMs: 0 })
  }
})

test('a host of another cluster gets no leases, and it is said', async () => {
  // Made from another template, and so with another system identifier.
  const { user, password } = cluster
  await using stranger = await PgCluster.start({ replicas: 0, user, password, database: 'elsewhere' })
  await (await stranger.master()).query(`create database ${cluster.database} owner ${user}`)
  const mixed = new PoolManager(cluster.dsnOf(...cluster.nodes, ...stranger.nodes), QUICK)
  try {
    await mixed.ready({ mastersCount: 1, replicasCount: 1 })
    await eventually('the stranger is seen', () =>
      [...mixed.topology.hosts.values()].some(({ kind }) => kind === 'foreign-cluster'),
    )
    expect(mixed.masterPoolCount).toBe(1)
    const { rows } = await mixed.withMaster((c) => c.query('select inet_server_port() as port'))
    expect(rows).toEqual([{ port: master.port }])
  } finally {
    await mixed.close({ timeoutMs: 0 })
  }
})

test('a demoted host’s idle connections are dropped; a promoted one’s survive', async () => {
  await db.withReplica((c) => c.query('select 1'))
  const before = await db.withReplica(
    async (c) => (await c.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid,
  )
  await master.stop('fast')
  await replica.promote()
  const after = await db.withMaster(
    async (c) => (await c.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid,
  )
  expect(after).toBe(before)
  await master.rejoin(replica)
  await eventually('the old master serves as a replica', () => kindOf(master) === 'replica')
  expect((await db.withReplica((c) => c.query('select pg_is_in_recovery() as r'))).rows).toEqual([{ r: true }])
})

test('a smart shutdown lets leases finish', async () => {
  const lease = await db.acquireMaster()
  const stopping = master.stop('smart')
  expect((await lease.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  lease.release({ name: 'done', message: 'destroy' })
  await db.close({ timeoutMs: 0 })
  await stopping
})
