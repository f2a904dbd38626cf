import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { AcquireTimeoutError, HostLostError, PoolManager } from 'hasql/pg'
import type { PgManagerOptions } from 'hasql/pg'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'

forbidEscapedErrors()

const QUICK: PgManagerOptions = { refreshDelayMs: 100, refreshTimeoutMs: 300, connectTimeoutMs: 500 }

let cluster: PgCluster
let master: PgNode
let replica: PgNode
let proxies: [FaultProxy, FaultProxy]
let db: PoolManager

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
  const [first] = await cluster.replicas()
  if (first === undefined) throw new Error('no replica')
  replica = first
})
afterAll(async () => {
  await cluster.close()
})
beforeEach(async () => {
  proxies = [await FaultProxy.start({ target: master }), await FaultProxy.start({ target: replica })]
  db = new PoolManager(cluster.dsnOf(...proxies), QUICK)
  await db.ready()
})
afterEach(async () => {
  await db.close({ timeoutMs: 0 })
  for (const proxy of proxies) await proxy.close()
})

function kindOf(proxy: FaultProxy): string | undefined {
  return [...db.topology.hosts.values()].find(({ hostId }) => hostId.endsWith(`:${proxy.port}`))?.kind
}

async function comesBack(proxy: FaultProxy, kind: string): Promise<void> {
  await proxy.pass()
  await eventually(`${proxy.port} is ${kind} again`, () => kindOf(proxy) === kind)
}

test('a host that refuses is out at once and comes back', async () => {
  const [, behindReplica] = proxies
  behindReplica.refuse()
  behindReplica.reset()
  await eventually('the replica is out', () => kindOf(behindReplica) === 'unreachable')
  const rows = await db.withReplica((c) => c.query('select 1'), { fallbackMaster: true })
  expect(rows.rowCount).toBe(1)
  await expect(db.acquireReplica({ timeoutMs: 50 })).rejects.toThrow(AcquireTimeoutError)
  await comesBack(behindReplica, 'replica')
})

test('a silent network: hung queries reject, and the host comes back', async () => {
  const [behindMaster] = proxies
  const lease = await db.acquireMaster()
  behindMaster.silent()
  const error = await rejection(lease.query('select 1'))
  if (!(error instanceof HostLostError)) throw error
  expect(error.outcome).toBe('unknown')
  expect(kindOf(behindMaster)).toBe('unreachable')
  expect(() => lease.release()).not.toThrow()
  await comesBack(behindMaster, 'master')
  expect((await db.withMaster((c) => c.query('select 1'))).rowCount).toBe(1)
})

test.each(['dropToServer', 'dropToClient'] as const)(
  'a network deaf in one direction (%s) is a silent one',
  async (fault) => {
    const [behindMaster] = proxies
    behindMaster[fault]()
    await eventually('the master is out', () => kindOf(behindMaster) === 'unreachable')
    await comesBack(behindMaster, 'master')
  },
)

test('a reset, a half-closed and a closed connection are replaced without an error for the next caller', async () => {
  const [behindMaster] = proxies
  const strikes = [
    () => behindMaster.reset(),
    () => behindMaster.halfClose('client'),
    () => behindMaster.halfClose('server'),
    () => behindMaster.closeConnections(),
  ]
  for (const strike of strikes) {
    await db.withMaster((c) => c.query('select 1'))
    strike()
    await eventually('the loss was seen', () =>
      db.metrics().drivers.some(({ state, total }) => state === 'master' && total === 0),
    )
    expect((await db.withMaster((c) => c.query('select 1'))).rowCount).toBe(1)
  }
})

test('a slow network is no fault', async () => {
  proxies[0].delay(60)
  for (let count = 0; count < 5; count++) await db.withMaster((c) => c.query('select 1'))
  expect(kindOf(proxies[0])).toBe('master')
})

test('a host whose pool cannot connect is passed over for the next one', async () => {
  const other = await FaultProxy.start({ target: replica })
  const both = new PoolManager(cluster.dsnOf(proxies[1], other), { ...QUICK, refreshDelayMs: 60_000 })
  try {
    await both.ready({ mastersCount: 0, replicasCount: 2 })
    other.refuse()
    for (let count = 0; count < 20; count++) {
      const { rowCount } = await both.withReplica((c) => c.query('select 1'))
      expect(rowCount).toBe(1)
    }
  } finally {
    await both.close({ timeoutMs: 0 })
    await other.close()
  }
})

test('a write on what turned out to be a replica asks for a check and is retired', async () => {
  const lease = await db.acquireMaster()
  await lease.query('begin read only')
  await expect(lease.query('create table t ()')).rejects.toThrow('read-only transaction')
  await lease.query('rollback')
  lease.release()
  await eventually('the connection is retired', () =>
    db.metrics().drivers.every(({ state, total }) => state !== 'master' || total === 0),
  )
  expect((await db.withMaster((c) => c.query('select 1'))).rowCount).toBe(1)
})

test('a master set to read-only takes reads and no writes', async () => {
  await master.setting('default_transaction_read_only', 'on')
  await eventually('it is seen', () => kindOf(proxies[0]) === 'read-only-master')
  await expect(db.acquireMaster({ timeoutMs: 100 })).rejects.toThrow('default_transaction_read_only on')
  await master.setting('default_transaction_read_only', 'off')
  await eventually('it is master again', () => kindOf(proxies[0]) === 'master')
})
