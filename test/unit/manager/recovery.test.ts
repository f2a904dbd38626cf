import { describe, expect, test } from 'vitest'
import { FIRST_SHARE, SLOW_START_MS } from '../../../src/manager/host-candidate.ts'
import type { BalancerPolicy } from '../../../src/balancer/policy.ts'
import { GreedyBalancerPolicy } from '../../../src/balancer/greedy.ts'
import { PowerOfTwoBalancerPolicy } from '../../../src/balancer/power-of-two.ts'
import { RandomWeightedBalancerPolicy } from '../../../src/balancer/random-weighted.ts'
import { RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import type { StuckHost } from '../../../src/manager/events.ts'
import { finish } from '../../support/scenario.ts'
import type { ScriptedClient } from '../../support/scripted/connection.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import type { Rig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'

const TRIO = { db1: 'master', db2: 'replica', db3: 'replica' } as const

async function lease({ db, clock }: Rig, count: number): Promise<ScriptedClient[]> {
  const leases = Array.from({ length: count }, () => db.acquireMaster())
  await clock.settle()
  return Promise.all(leases)
}

/** db1 goes, db2 takes over. */
async function failOver({ set, clock }: Rig): Promise<void> {
  set({ db1: 'down' })
  await clock.advance(300)
  set({ db2: { role: 'master', timeline: 2 } })
  await clock.advance(300)
}

describe('the pool of a new master', () => {
  test('grows to what the old one’s held, one by one, without anybody asking', async () => {
    const story = await startedRig(TRIO)
    const { db, host, clock } = story
    for (const client of await lease(story, 6)) client.release()
    await clock.advance(1_000)
    await failOver(story)
    const sizes = new Set<number>()
    for (let step = 0; step < 300; step += 1) {
      await clock.advance(100)
      sizes.add(host('db2').connections.size)
    }
    expect([...sizes]).toEqual([...sizes].sort((one, other) => one - other))
    expect(sizes.size).toBeGreaterThan(4)
    expect([host('db2').connections.size, host('db3').connections.size]).toEqual([6, 0])
    expect(db.metrics().drivers[1]).toMatchObject({ total: 6, used: 0, warmed: 0 })
    await finish(story)
  })

  test('is not warmed for the first master found, nor for one that comes back to an empty pool', async () => {
    const story = await startedRig(TRIO)
    await story.clock.advance(5_000)
    expect(story.host('db1').connections.size).toBe(0)
    await failOver(story)
    await story.clock.advance(5_000)
    expect(story.host('db2').connections.size).toBe(0)
    await finish(story)
  })

  test('is left as it is when that master goes too, or the manager closes', async () => {
    const story = await startedRig(TRIO)
    for (const client of await lease(story, 8)) client.release()
    await story.clock.advance(1_000)
    await failOver(story)
    story.set({ db2: 'down' })
    await story.clock.advance(2_000)
    expect(story.host('db2').connections.size).toBe(0)
    story.set({ db3: { role: 'master', timeline: 3 } })
    await story.clock.advance(500)
    await finish(story)
  })
})

const POLICIES: readonly (() => BalancerPolicy)[] = [
  () => new GreedyBalancerPolicy(),
  () => new RandomWeightedBalancerPolicy(),
  () => new RoundRobinBalancerPolicy(),
  () => new PowerOfTwoBalancerPolicy(),
]

describe('a replica that comes back', () => {
  test('begins with a tenth of its weight, and has the whole after ten seconds', async () => {
    const weights: Record<string, number> = {}
    const look: BalancerPolicy = {
      name: 'look',
      pick: (candidates) => {
        for (const { hostId, weight } of candidates) weights[hostId] = weight
        return candidates[0]
      },
    }
    const story = await startedRig(TRIO, { balancerPolicy: look, hosts: { 'db3:5432': { weight: 2 } } })
    const see = async (): Promise<number | undefined> => {
      ;(await story.db.acquireReplica()).release()
      return weights['db3:5432']
    }
    expect(await see()).toBe(2)
    story.set({ db3: 'down' })
    await story.clock.advance(3_000)
    story.set({ db3: 'replica' })
    await story.clock.advance(1_000)
    const host = story.db.topology.hosts.get(story.db.dsn.hosts[2]?.hostId ?? story.db.dsn.hosts[0].hostId)
    const returnedAtMs = host !== undefined && 'returnedAtMs' in host ? (host.returnedAtMs ?? NaN) : NaN
    const expected = (): number =>
      2 * (FIRST_SHARE + ((1 - FIRST_SHARE) * (story.clock.nowMs() - returnedAtMs)) / SLOW_START_MS)
    expect(await see()).toBeCloseTo(expected(), 6)
    await story.clock.advance(5_000)
    expect(await see()).toBeCloseTo(expected(), 6)
    await story.clock.advance(6_000)
    expect([await see(), weights['db2:5432']]).toEqual([2, 1])
    await finish(story)
  })

  test.each(POLICIES.map((make) => [make().name, make] as const))(
    'gets traffic by degrees from %s',
    async (_name, make) => {
      const story = await startedRig(TRIO, { balancerPolicy: make(), capacity: 100 })
      const share = async (): Promise<number> => {
        const asked = Array.from({ length: 60 }, () => story.db.acquireReplica())
        await story.clock.advance(3_000)
        const leases = await Promise.all(asked)
        const own = leases.filter(({ hostId }) => hostId === 'db3:5432').length
        for (const each of leases) each.release()
        return own / leases.length
      }
      story.set({ db3: 'down' })
      await story.clock.advance(3_000)
      story.set({ db3: 'replica' })
      await story.clock.advance(1_000)
      expect(await share()).toBeLessThan(0.35)
      await story.clock.advance(15_000)
      expect(await share()).toBeGreaterThan(0.3)
      await finish(story)
    },
  )
})

describe('a host that answers while no lease ends', () => {
  test('is said to be stuck, once, and left in use', async () => {
    const story = await startedRig(TRIO, { capacity: 2, acquireTimeoutMs: 60_000 })
    const { db, clock } = story
    const stuck: StuckHost[] = []
    db.on('leasesStuck', (record) => stuck.push(record))
    const held = await lease(story, 2)
    await clock.advance(3_000)
    expect(stuck).toEqual([])
    const waiting = db.acquireMaster()
    settled(waiting)
    await clock.advance(4_000)
    expect(stuck).toMatchObject([{ host: 'db1:5432', leased: 2, waiting: 1 }])
    const [{ stuckMs } = { stuckMs: 0 }] = db.metrics().drivers
    expect(stuckMs).toBe(clock.nowMs() - (stuck[0]?.sinceMs ?? NaN))
    expect(db.masterPoolCount).toBe(1)
    held[0]?.release()
    const next = await waiting
    expect(db.metrics().drivers[0]).toMatchObject({ stuckMs: 0 })
    next.release()
    held[1]?.release()
    await clock.advance(3_000)
    expect(stuck).toHaveLength(1)
    await finish(story)
  })

  test('a busy pool whose leases end is not', async () => {
    const story = await startedRig(TRIO, { capacity: 1, acquireTimeoutMs: 60_000 })
    const stuck: StuckHost[] = []
    story.db.on('leasesStuck', (record) => stuck.push(record))
    let [holder] = await lease(story, 1)
    for (let turn = 0; turn < 12; turn += 1) {
      const next = story.db.acquireMaster()
      await story.clock.advance(400)
      holder?.release()
      await story.clock.settle()
      holder = await next
    }
    holder?.release()
    expect(stuck).toEqual([])
    await finish(story)
  })
})
