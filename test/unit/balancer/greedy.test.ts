import { describe, expect, test } from 'vitest'
import { GreedyBalancerPolicy } from '../../../src/balancer/greedy.ts'
import type { NonEmpty } from '../../../src/dsn/host-spec.ts'
import { FakeHost, equalHosts, fakeHosts } from '../../support/fake-host.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { expectShares, pickIndex, shares, sharesOf } from '../../support/shares.ts'

const PICKS = 100_000
const policy = new GreedyBalancerPolicy()

/** Keeps `concurrency` leases out, ending one at random before each pick; the shares of the picks. */
function sharesUnderLoad(hosts: NonEmpty<FakeHost>, concurrency: number, seed: number): readonly number[] {
  const random = seededRandom(seed)
  const leased: FakeHost[] = []
  const counts = new Map(hosts.map((host) => [host, 0]))
  for (let i = 0; i < PICKS; i += 1) {
    if (leased.length === concurrency) {
      for (const ended of leased.splice(Math.floor(random() * concurrency), 1)) ended.leases -= 1
    }
    const chosen = hosts[pickIndex(policy, hosts, random)] ?? hosts[0]
    chosen.leases += 1
    leased.push(chosen)
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
  }
  return hosts.map((host) => (counts.get(host) ?? 0) / PICKS)
}

/** The one host that is picked whatever the dice show. */
function pickOf(hosts: NonEmpty<FakeHost>): number {
  const picked = new Set(Array.from({ length: 50 }, (_, seed) => pickIndex(policy, hosts, seededRandom(seed))))
  expect(picked.size).toBe(1)
  return [...picked][0] ?? -1
}

describe('most free connections', () => {
  test('wins, whatever the size of the pool', () => {
    expect(pickOf(fakeHosts({ leases: 2 }, { leases: 1 }, { leases: 3 }))).toBe(1)
    expect(pickOf(fakeHosts({ capacity: 10 }, { capacity: 30, leases: 19 }, { capacity: 5 }))).toBe(1)
    expect(pickOf(fakeHosts({ capacity: 30, leases: 21 }, { capacity: 10 }))).toBe(1)
  })

  test('ties are drawn at random, each with the same chance', () => {
    const hosts = fakeHosts({ leases: 4 }, { leases: 1 }, { leases: 1 }, { leases: 1 })
    expectShares(sharesOf(policy, hosts, seededRandom(1), PICKS), [0, 1 / 3, 1 / 3, 1 / 3], 0.01)
  })

  test('equal weights other than 1 change nothing', () => {
    expect(pickOf(fakeHosts({ capacity: 10, leases: 1, weight: 4 }, { capacity: 20, leases: 12, weight: 4 }))).toBe(0)
  })

  test('a response time means nothing', () => {
    expect(pickOf(fakeHosts({ leases: 1, responseTimeMs: 1 }, { leases: 0 }))).toBe(1)
  })

  test('the last free connection is found before any host is made to wait', () => {
    expect(pickOf(fakeHosts({ leases: 10, weight: 100 }, { leases: 9, weight: 1 }))).toBe(1)
    expect(pickOf(fakeHosts({ leases: 9, weight: 1 }, { leases: 10, weight: 100 }))).toBe(0)
  })
})

describe('all hosts full', () => {
  test('the fewest waiting callers win', () => {
    expect(pickOf(fakeHosts({ leases: 12 }, { leases: 11 }, { leases: 13 }))).toBe(1)
  })

  test('a heavier host may have more of them', () => {
    expect(pickOf(fakeHosts({ leases: 12, weight: 1 }, { leases: 15, weight: 3 }))).toBe(1)
    expect(pickOf(fakeHosts({ leases: 11, weight: 1 }, { leases: 14, weight: 3 }))).toBe(0)
  })

  test('callers queue by weight', () => {
    const hosts = fakeHosts({ leases: 10, weight: 2 }, { leases: 10, weight: 1 })
    const random = seededRandom(2)
    for (let i = 0; i < 30; i += 1) {
      const chosen = policy.pick(hosts, { random })
      for (const host of hosts) if (host === chosen) host.leases += 1
    }
    expect(hosts.map(({ free }) => free)).toEqual([-20, -10])
  })
})

describe('shares under a load', () => {
  test.each([1, 2, 9, 24])('equal hosts with %i leases out share equally', (concurrency) => {
    expectShares(sharesUnderLoad(equalHosts(3), concurrency, 3), [1 / 3, 1 / 3, 1 / 3], 0.01)
  })

  test.each([6, 12, 60, 108])('weights 3, 2 and 1 with %i leases out share by weight', (concurrency) => {
    const hosts = fakeHosts({ weight: 3, capacity: 60 }, { weight: 2, capacity: 60 }, { weight: 1, capacity: 60 })
    expectShares(sharesUnderLoad(hosts, concurrency, 4), shares([3, 2, 1]), 0.01)
  })

  test('lone leases are drawn by weight', () => {
    const hosts = fakeHosts({ weight: 1 }, { weight: 5 }, { weight: 2 })
    expectShares(sharesOf(policy, hosts, seededRandom(5), PICKS), shares([1, 5, 2]), 0.01)
  })

  test('a host that joins idle is filled up first, and left out once it is gone', () => {
    const old = equalHosts(2, { leases: 3 })
    const newcomer = new FakeHost('newcomer')
    const random = seededRandom(6)
    for (let i = 0; i < 3; i += 1) {
      expect(policy.pick([...old, newcomer], { random })).toBe(newcomer)
      newcomer.leases += 1
    }
    expectShares(sharesOf(policy, [...old, newcomer], random, PICKS), [1 / 3, 1 / 3, 1 / 3], 0.01)
    expectShares(sharesOf(policy, old, random, PICKS), [0.5, 0.5], 0.01)
  })
})
