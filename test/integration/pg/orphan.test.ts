import { chownSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { PgManagerOptions, ReplicaOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { waitForTable } from '../../support/wait-for-table.ts'

forbidEscapedErrors()

const CHECK_MS = 200
const READS = 60

let cluster: PgCluster
let master: PgNode
let orphan: PgNode
let other: PgNode
let opened: PoolManager[]
let isWriting: boolean
let writing: Promise<void>

beforeEach(async () => {
  cluster = await PgCluster.start({ replicas: 2 })
  master = await cluster.master()
  const [first, second] = await cluster.replicas()
  if (first === undefined || second === undefined) throw new Error('no replicas')
  ;[orphan, other] = [first, second]
  opened = []
  await master.query(`create table t (n int); alter table t owner to ${cluster.user}`)
  await Promise.all([orphan, other].map((replica) => waitForTable(replica, 't')))
  isWriting = true
  writing = write()
})
afterEach(async () => {
  isWriting = false
  await writing
  await Promise.all(opened.map((db) => db.close({ timeoutMs: 0 })))
  await cluster.close()
})

async function write(): Promise<void> {
  for (let n = 0; isWriting; n += 1) {
    await master.query('insert into t values ($1)', [n])
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function promoteByMistake(): Promise<string> {
  const [row] = await orphan.query<{ conninfo: string }>("select current_setting('primary_conninfo') as conninfo")
  await orphan.promote()
  await orphan.query('insert into t select -n from generate_series(1, 1000) n')
  return row?.conninfo ?? ''
}

/** As a cluster manager does it that cannot rewind: a standby again, on a timeline that its master does not have. */
async function demote(conninfo: string): Promise<void> {
  await orphan.setting('primary_conninfo', conninfo)
  await orphan.stop()
  const [signal, { uid, gid }] = [join(orphan.dataFolder, 'standby.signal'), statSync(orphan.dataFolder)]
  writeFileSync(signal, '')
  chownSync(signal, uid, gid)
  await orphan.start()
  expect(await orphan.role()).toBe('replica')
}

async function watch(options: PgManagerOptions = {}): Promise<PoolManager> {
  const db = new PoolManager(cluster.dsn, { refreshDelayMs: CHECK_MS, ...options })
  opened.push(db)
  await db.ready({ mastersCount: 1, replicasCount: 2 })
  return db
}

function seenOf(db: PoolManager, node: PgNode): { reason: string | undefined; lag: unknown } {
  const host = [...db.topology.hosts.values()].find(({ hostId }) => hostId.endsWith(`:${node.port}`))
  const isSeen = host !== undefined && 'lag' in host
  return { reason: isSeen ? host.following?.detached?.reason : undefined, lag: isSeen ? host.lag : undefined }
}

/** How many of so many reads each port served; `refused` of which none. */
async function reads(db: PoolManager, options: ReplicaOptions, count = READS): Promise<Map<number | string, number>> {
  const served = new Map<number | string, number>()
  for (let n = 0; n < count; n += 1) {
    const port = await db.withReplica((connection) => connection.port, options).catch(() => 'refused' as const)
    served.set(port, (served.get(port) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return served
}

describe.each([
  ['an unprivileged role', false],
  ['a role that may read statistics', true],
])('a replica that was promoted by mistake and demoted without a rewind, as %s', (_role, showsStatistics) => {
  beforeEach(async () => {
    if (showsStatistics) await master.query(`grant pg_read_all_stats to ${cluster.user}`)
    await eventually('the grant has arrived', async () => {
      const sql = "select pg_has_role($1, 'pg_read_all_stats', 'member') as has"
      const [row] = await orphan.query<{ has: boolean }>(sql, [cluster.user])
      return row?.has === showsStatistics
    })
    await demote(await promoteByMistake())
  })

  test('law 18: serves no read with a bound, whoever set it, is named within two checks, and serves again once rewound', async () => {
    const bounded = await watch({ maxReplicaLagMs: 2_000 })
    const firstReads = reads(bounded, {})
    await eventually('it is named', () => seenOf(bounded, orphan).reason === 'timeline', 2 * CHECK_MS + 500)
    expect(await firstReads).toEqual(new Map([[other.port, READS]]))
    const free = await watch()
    expect(await reads(free, { maxLagMs: 2_000 })).toEqual(new Map([[other.port, READS]]))
    expect(await reads(free, { maxLagBytes: 1_000_000_000 })).toEqual(new Map([[other.port, READS]]))
    const token = await free.withMaster((connection) => free.writeToken(connection))
    expect(await reads(free, { after: token }, 10)).toEqual(new Map([[other.port, 10]]))
    // Nobody asks for anything: it is the last choice.
    expect(await reads(free, {})).toEqual(new Map([[other.port, READS]]))
    const metrics = free.metrics().drivers.find(({ host }) => host.endsWith(`:${orphan.port}`))
    expect(metrics).toMatchObject({
      lagMs: undefined,
      lagBytes: undefined,
      why: "is a replica that has diverged: it is on timeline 2, above the master's 1",
    })
    const follows: string[] = []
    free.on('replicaFollows', ({ host }) => follows.push(host))
    await orphan.rejoin(master)
    await eventually('it follows', () => seenOf(free, orphan).reason === undefined && follows.length === 1)
    await eventually('it serves again', async () => (await reads(free, { maxLagMs: 2_000 }, 5)).has(orphan.port))
    await eventually('also here', async () => (await reads(bounded, {}, 5)).has(orphan.port))
  })

  test('is what is left when nothing else is, for reads without a bound only, and the error names it', async () => {
    const [bounded, free] = [await watch({ maxReplicaLagMs: 2_000 }), await watch()]
    await eventually('both name it', () => [bounded, free].every((db) => seenOf(db, orphan).reason === 'timeline'))
    await other.stop()
    await eventually('one is left', () => [bounded, free].every(({ replicaPoolCount }) => replicaPoolCount === 1))
    expect(await reads(free, {}, 5)).toEqual(new Map([[orphan.port, 5]]))
    const named = /is a replica that has diverged: it is on timeline 2, above the master's 1/
    await expect(bounded.acquireReplica({ timeoutMs: 300 })).rejects.toThrow(named)
    await expect(free.acquireReplica({ maxLagMs: 2_000, timeoutMs: 300 })).rejects.toThrow(named)
    expect(await reads(bounded, { fallbackMaster: true }, 5)).toEqual(new Map([[master.port, 5]]))
  })
})

/**
 * The whole accident before the eyes of the application. It needs a fence that ends: one that does not keeps the real
 * master out for ever, and there is nobody to follow then.
 */
test('law 18: also when the application saw the mistaken promotion', async () => {
  const db = await watch({ maxReplicaLagMs: 2_000 })
  const conninfo = await promoteByMistake()
  await eventually('it is seen', () => db.topology.fencing.incumbent?.endsWith(`:${orphan.port}`) === true)
  const lost = await db.withMaster((connection) => db.writeToken(connection))
  await demote(conninfo)
  await eventually('it is named', () => seenOf(db, orphan).reason === 'timeline', 5_000)
  expect(await reads(db, {})).toEqual(new Map([[other.port, READS]]))
  expect(await reads(db, { maxLagMs: 2_000 })).toEqual(new Map([[other.port, READS]]))
  await expect(db.acquireReplica({ after: lost })).rejects.toThrow('what was written there is lost')
})
