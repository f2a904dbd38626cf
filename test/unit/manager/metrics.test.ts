import { describe, expect, test } from 'vitest'
import { DurationHistogram } from '../../../src/metrics/duration-histogram.ts'
import type { Durations } from '../../../src/metrics/duration-histogram.ts'
import { noFaults } from '../../../src/metrics/fault-counts.ts'
import type { ManagerMetrics } from '../../../src/metrics/manager-metrics.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { ScriptedClient } from '../../support/scripted/connection.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { settled } from '../../support/settled.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const

const NO_TIMES: Durations = new DurationHistogram().copy()

/** What the docstrings of the counters promise. */
function expectSums({ drivers, hasql }: ManagerMetrics): void {
  for (const each of drivers) {
    expect(each.acquires).toBe(each.releases + each.used)
    expect(each.connectionsAdded).toBe(each.connectionsRemoved + each.total)
    expect(each.total).toBe(each.idle + each.used + each.connecting)
    expect(Math.min(each.idle, each.connecting, each.waiting, each.idle - each.warmed)).toBeGreaterThanOrEqual(0)
    expect(each.total).toBeLessThanOrEqual(each.max)
    expect(each.waitTime.count).toBe(each.acquires)
    expect(each.hostWaitTime.count).toBeLessThanOrEqual(each.acquires)
    expect(each.hostWaitTime.sumMs + each.waitTime.sumMs).toBeCloseTo(each.acquireTimeMs)
    expect(each.useTime.count).toBe(each.releases)
    expect(each.createTime.count).toBeLessThanOrEqual(each.connectionsAdded)
    expect(each.errors['server-error']).toBe(each.serverErrors)
    expect(sumOf(each.probeErrors)).toBe(each.probesFailed)
    expect(each.responseTime.count).toBe(each.probes - each.probesFailed)
  }
  expect(hasql.acquireTimeouts).toBeGreaterThanOrEqual(
    drivers.reduce((sum, { acquireTimeouts }) => sum + acquireTimeouts, 0),
  )
  expect(hasql.failovers).toBe(Math.max(0, hasql.masterChanges - 1))
  expect(hasql.masters > 0 ? hasql.currentOutageMs : 0).toBe(0)
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

describe('metrics', () => {
  test('of a manager that did nothing', async () => {
    const { db } = await startedRig(PAIR, { hosts: { 'db1:5432': { labels: { dc: 'a' } } }, capacity: 7 })
    const { drivers, hasql } = db.metrics()
    const nothing = {
      acquires: 0,
      acquireTimeMs: 0,
      releases: 0,
      acquireTimeouts: 0,
      connectErrors: 0,
      serverErrors: 0,
      errors: noFaults(),
      hostWaitTime: NO_TIMES,
      waitTime: NO_TIMES,
      useTime: NO_TIMES,
      createTime: NO_TIMES,
    }
    expect(drivers[0]).toEqual({
      ...nothing,
      host: 'db1:5432',
      state: 'master',
      role: 'master',
      why: 'is the master',
      stateMs: 0,
      min: 0,
      max: 7,
      total: 0,
      idle: 0,
      used: 0,
      connecting: 0,
      warmed: 0,
      lagMs: 0,
      lagBytes: 0,
      stuckMs: 0,
      syncWaitMs: 0,
      waiting: 0,
      responseTimeMs: 0,
      connectionsAdded: 0,
      connectionsRemoved: 0,
      probes: 1,
      probesFailed: 0,
      probeErrors: noFaults(),
      responseTime: expect.objectContaining({ count: 1, sumMs: 0 }) as unknown,
      labels: { dc: 'a' },
    })
    expect(hasql).toEqual({
      masters: 1,
      replicas: 1,
      hosts: 2,
      waiters: 0,
      acquireTimeouts: 0,
      masterChanges: 1,
      failovers: 0,
      outages: 0,
      outageMs: 0,
      currentOutageMs: 0,
      retries: 0,
      stalls: 0,
    })
  })

  test('are a copy, never live', async () => {
    const { db } = await startedRig(PAIR)
    const before = db.metrics()
    await db.acquireMaster()
    expect(before.drivers[0]).toMatchObject({ acquires: 0, used: 0 })
    expect(db.metrics().drivers[0]).toMatchObject({ acquires: 1, used: 1 })
  })

  test('count the waiters, for a host and for a connection', async () => {
    const { db, clock } = await startedRig({ db1: 'master', db2: 'down' }, { capacity: 1 })
    await db.acquireMaster()
    for (const wait of [db.acquireMaster(), db.acquireMaster(), db.acquireReplica()]) settled(wait)
    await clock.settle()
    expect(db.metrics()).toMatchObject({ hasql: { waiters: 1 }, drivers: [{ waiting: 2, used: 1 }, { waiting: 0 }] })
  })

  test('count failovers and outages; the first search is neither', async () => {
    const { db, clock, set } = await startedRig({ db1: 'down', db2: 'replica' })
    await clock.advance(1_000)
    set({ db1: 'master' })
    await clock.advance(1_000)
    expect(db.metrics().hasql).toMatchObject({ failovers: 0, outages: 0, outageMs: 0, currentOutageMs: 0 })
    set({ db1: 'down' })
    await clock.advance(500)
    const { outageMs: endedMs, currentOutageMs } = db.metrics().hasql
    expect(endedMs).toBe(0)
    expect(currentOutageMs).toBeGreaterThan(0)
    expect(currentOutageMs).toBeLessThanOrEqual(500)
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_000)
    const { failovers, masterChanges, outages, outageMs, currentOutageMs: overMs } = db.metrics().hasql
    expect([failovers, masterChanges, outages, overMs]).toEqual([1, 2, 1, 0])
    expect(outageMs).toBeGreaterThanOrEqual(500)
    expect(outageMs).toBeLessThan(550)
  })

  test('sum up the time that acquires waited', async () => {
    const { db, clock, set } = await startedRig({ db1: 'down' })
    const first = db.acquireMaster()
    const waits = [settled(first), settled(db.acquireMaster())]
    await clock.advance(200)
    set({ db1: 'master' })
    await clock.advance(60)
    ;(await first).release()
    await clock.settle()
    expect(waits.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    const timeMs = db.metrics().drivers[0]?.acquireTimeMs ?? 0
    expect(timeMs).toBeGreaterThanOrEqual(400)
    expect(timeMs).toBeLessThanOrEqual(520)
  })

  test('tell waiting for a host from waiting for a connection, and say how long leases were held', async () => {
    const { db, clock, set, host } = await startedRig({ db1: 'down' }, { capacity: 1 })
    const [first, second] = [db.acquireMaster(), db.acquireMaster()]
    await clock.advance(200)
    host('db1').manualConnects = true
    set({ db1: 'master' })
    await clock.advance(60)
    await clock.advance(15)
    host('db1').pool?.succeed()
    const lease = await first
    await clock.advance(30)
    lease.release()
    await clock.settle()
    const metrics = db.metrics().drivers[0]
    expect(metrics?.createTime).toMatchObject({ count: 1 })
    expect(metrics?.createTime.sumMs).toBeGreaterThanOrEqual(15)
    expect(metrics?.hostWaitTime.count).toBe(2)
    expect(metrics?.hostWaitTime.sumMs).toBeGreaterThanOrEqual(400)
    expect(metrics?.waitTime.sumMs).toBeGreaterThanOrEqual(15 + 15 + 30)
    expect(metrics?.waitTime.sumMs).toBeLessThan(15 + 15 + 30 + 2 * 60)
    expect(metrics?.useTime).toMatchObject({ count: 1, sumMs: 30, maxMs: 30, p50Ms: 30 })
    await second
    expectSums(db.metrics())
  })

  test('say of each host what it is, why, and for how long', async () => {
    const { db, clock, set } = await startedRig(PAIR)
    set({ db2: 'starting' })
    await clock.advance(3_000)
    set({ db1: 'down' })
    await clock.advance(3_000)
    expect(db.metrics().drivers).toMatchObject([
      { state: 'unreachable', role: undefined },
      { state: 'not-ready', role: undefined },
    ])
    const [down, starting] = db.metrics().drivers
    expect(down?.why).toMatch(/^is unreachable \(.*ECONNREFUSED/)
    expect(starting?.why).toMatch(/^is starting, recovering or shutting down/)
    expect(starting?.stateMs).toBeGreaterThan(4_000)
    expect(down?.stateMs).toBeLessThan(3_001)
    expect(down?.probeErrors.down).toBe(down?.probesFailed)
    expect(starting?.probeErrors['not-ready']).toBeGreaterThan(1)
  })

  test('count the errors of connections by what they say of the host', async () => {
    const { db, host } = await startedRig(PAIR)
    await db.acquireMaster()
    const [connection] = host('db1').connections
    connection?.complain(coded('25006'))
    connection?.complain(coded('53100'))
    connection?.complain(coded('42601'))
    connection?.die(coded('57P01'))
    const { errors, serverErrors } = db.metrics().drivers[0] ?? {}
    expect(errors).toEqual({ ...noFaults(), 'role-doubted': 1, 'server-error': 1, lost: 1 })
    expect(serverErrors).toBe(1)
  })

  test.each([1, 2, 3, 4, 5])('the sums hold whatever happens (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const { db, clock, host, set } = await startedRig(PAIR, { capacity: 3 })
    const held: ScriptedClient[] = []
    const steps: readonly (() => void)[] = [
      () =>
        void db.acquire({ readOnly: random() < 0.5, timeoutMs: 40 }).then(
          (got) => held.push(got),
          () => undefined,
        ),
      () =>
        held
          .splice(Math.floor(random() * held.length), 1)
          .forEach((each) => db.release(each, { destroy: random() < 0.3 })),
      () => host('db1').connections.forEach((each) => (random() < 0.3 ? each.die(coded('57P01')) : undefined)),
      () => set({ db2: random() < 0.5 ? 'down' : 'replica' }),
      () => set({ db1: random() < 0.3 ? 'down' : 'master' }),
    ]
    for (let index = 0; index < 150; index += 1) {
      steps[Math.floor(random() * random() * steps.length)]?.()
      await clock.advance(Math.floor(random() * 30))
      // Connections that died were given back already; their holders know them as closed.
      for (const each of held.filter((connection) => db.isConnectionClosed(connection)))
        held.splice(held.indexOf(each), 1)
      expectSums(db.metrics())
    }
    expect(db.metrics().drivers.reduce((sum, { used }) => sum + used, 0)).toBe(held.length)
  })
})

describe('what a manager knows now', () => {
  test('its pools, by role and in the order of the DSN', async () => {
    const { db, set, clock } = await startedRig({ db1: 'replica', db2: 'master', db3: 'replica' })
    const [first, second, third] = db.pools
    expect([...db]).toEqual(db.pools)
    expect(db.getMasterPools()).toEqual([second])
    expect(db.getReplicaPools()).toEqual([first, third])
    expect([db.masterPoolCount, db.replicaPoolCount, db.availablePoolCount]).toEqual([1, 2, 3])
    if (first === undefined || second === undefined) throw new Error('no pools')
    expect([db.poolIsMaster(first), db.poolIsMaster(second)]).toEqual([false, true])
    expect([db.poolIsReplica(first), db.poolIsReplica(second)]).toEqual([true, false])
    expect(db.host(first)).toBe('db1:5432')
    set({ db1: 'down', db3: 'down' })
    await clock.advance(50)
    expect(db.getReplicaPools()).toEqual([])
    expect(db.getReplicaPools({ fallbackMaster: true })).toEqual([second])
  })

  test('the free connections of a pool, negative when callers wait', async () => {
    const { db, clock } = await startedRig(PAIR, { capacity: 2 })
    const [pool] = db.pools
    if (pool === undefined) throw new Error('no pool')
    expect(db.getPoolFreeSize(pool)).toBe(2)
    for (let index = 0; index < 3; index += 1) settled(db.acquireMaster())
    await clock.settle()
    expect(db.getPoolFreeSize(pool)).toBe(-1)
  })

  test('the response time of a host, once it has answered', async () => {
    const { db, clock, set } = await startedRig({ db1: 'master', db2: 'down' })
    const [pool, away] = db.pools
    if (pool === undefined || away === undefined) throw new Error('no pools')
    expect(db.getLastResponseTimeMs(away)).toBe(undefined)
    set({ db1: 'silent' })
    await clock.advance(1_040)
    set({ db1: 'master' })
    await clock.settle()
    expect(db.getLastResponseTimeMs(pool)).toBeGreaterThan(0)
  })
})
