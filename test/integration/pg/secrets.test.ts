import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { eventually, rejection } from '../../support/eventually.ts'

const CANARY = 'canary-4f:1@b/z'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]

/** All that a cluster of two hosts, of which each can be reached by one name only, has to tell; the rest is below. */
const EVENTS = [
  ...(['hostUp', 'hostDown', 'roleChange', 'masterChange', 'staleMaster', 'topologyChange'] as const),
  ...(['acquire', 'release', 'connect', 'acquireTimeout'] as const),
]

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1, password: CANARY })
})
afterAll(async () => {
  await cluster.close()
})

/** Everything a curious programmer could print of a value. */
function dump(value: unknown): string {
  const error =
    value instanceof Error ? `${String(value.stack)}${inspect(value.cause, { showHidden: true, depth: 12 })}` : ''
  return `${inspect(value, { showHidden: true, depth: 12 })}${String(value)}${error}${JSON.stringify(value, withoutOddities())}`
}

function withoutOddities(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>()
  return (_key, value) => {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return undefined
    seen.add(value)
    return value
  }
}

test('no dump of anything hasql hands out shows the password', async () => {
  const db = new PoolManager(cluster.dsn)
  const records: unknown[] = []
  const heard = new Set<string>()
  for (const event of EVENTS) {
    db.on(event, (record) => {
      heard.add(event)
      records.push(record)
    })
  }
  await db.ready()
  const lease = await db.acquireMaster()
  const failed = await rejection(db.acquireMaster({ signal: AbortSignal.abort() }))
  const statement = await rejection(lease.query('select * from nowhere'))
  const wrong = new PoolManager(cluster.dsn.replace('canary', 'canary-wrong'))
  const refused = await rejection(wrong.acquireMaster())
  // A failover, after which the old master comes back: what else there is to tell.
  lease.release()
  const [master, [heir]] = [await cluster.master(), await cluster.replicas()]
  await master.stop('immediate')
  await eventually('the master is missed', () => db.masterPoolCount === 0)
  await rejection(db.acquireMaster({ timeoutMs: 200 }))
  await heir?.promote()
  ;(await db.acquireMaster()).release()
  await master.start()
  await eventually('the old master is fenced', () => heard.has('staleMaster'))
  const lost = await db.acquireMaster()
  expect([...heard].sort()).toEqual([...EVENTS].sort())
  const dumps = [
    db,
    db.dsn,
    db.dsn.hosts,
    db.topology,
    db.metrics(),
    lost,
    records,
    failed,
    statement,
    refused,
    wrong,
    [...db],
  ].map(dump)
  lost.release()
  await db.close()
  await wrong.close()
  for (const text of dumps) for (const form of [...FORMS, 'canary-wrong']) expect(text).not.toContain(form)
  expect(inspect(db)).toMatch(/^PoolManager\(127\.0\.0\.1:\d+ \w/)
  expect(JSON.stringify(db)).toContain(':***@')
})

test('nor does what is told of two masters, of a stranger, of leases that do not come back', async () => {
  await using brain = await PgCluster.start({ replicas: 2, password: CANARY })
  // Made from another template, and so with another system identifier.
  const { user, database } = brain
  await using stranger = await PgCluster.start({ replicas: 0, user, password: CANARY, database: 'elsewhere' })
  await (await stranger.master()).query(`create database ${database} owner ${user}`)
  const options = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 500, poolOptions: { max: 1 } }
  const db = new PoolManager(brain.dsnOf(...brain.nodes, ...stranger.nodes), options)
  const records: Record<string, unknown> = {}
  const rare = ['splitBrain', 'foreignCluster', 'leasesStuck'] as const
  for (const event of rare) db.on(event, (record) => void (records[event] = record))
  try {
    await db.ready({ mastersCount: 1, replicasCount: 2 })
    await eventually('the stranger is seen', () => 'foreignCluster' in records)
    const held = await db.acquireMaster()
    const waiting = rejection(db.acquireMaster({ timeoutMs: 2_000 }))
    await eventually('the lease is missed', () => 'leasesStuck' in records)
    const timeout = await waiting
    held.release()
    const [master, replicas] = [await brain.master(), await brain.replicas()]
    await master.stop('immediate')
    for (const replica of replicas) await replica.promote()
    await eventually('two masters are seen', () => 'splitBrain' in records)
    expect(Object.keys(records).sort()).toEqual([...rare].sort())
    for (const text of [db, records, timeout].map(dump)) for (const form of FORMS) expect(text).not.toContain(form)
  } finally {
    await db.close({ timeoutMs: 0 })
  }
})
