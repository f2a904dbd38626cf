import { describe, expect, test } from 'vitest'
import { PowerOfTwoBalancerPolicy } from '../../../src/balancer/power-of-two.ts'
import type { Candidate } from '../../../src/balancer/policy.ts'
import type { NonEmpty } from '../../../src/dsn/host-spec.ts'
import type { FakeHostOptions } from '../../support/fake-host.ts'
import { FakeHost, equalHosts, fakeHosts } from '../../support/fake-host.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { expectShares, shares, sharesOf } from '../../support/shares.ts'

const PICKS = 100_000
const policy = new PowerOfTwoBalancerPolicy()

/** The shares by the law: every ordered pair with its chance, won by the less loaded, or by the first of equals. */
function analyticShares(hosts: readonly Candidate[]): readonly number[] {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0)
  return hosts.map((host) => {
    let share = 0
    for (const other of hosts) {
      if (other === host) continue
      const hostFirst = ((host.weight / total) * other.weight) / (total - host.weight)
      const otherFirst = ((other.weight / total) * host.weight) / (total - other.weight)
      const lead = other.leases * host.weight - host.leases * other.weight
      share += lead > 0 ? hostFirst + otherFirst : lead === 0 ? hostFirst : 0
    }
    return share
  })
}

describe('static loads', () => {
  const lists: readonly (readonly [string, NonEmpty<FakeHostOptions>])[] = [
    ['all different', [{ leases: 3 }, { leases: 0 }, { leases: 1 }, { leases: 2 }]],
    ['two equal, one busier', [{ leases: 1 }, { leases: 1 }, { leases: 5 }]],
    ['weights, no load', [{ weight: 4 }, { weight: 1 }, { weight: 2 }]],
    [
      'weights, load by weight',
      [
        { weight: 4, leases: 8 },
        { weight: 1, leases: 2 },
        { weight: 2, leases: 4 },
      ],
    ],
    [
      'weights, equal leases',
      [
        { weight: 4, leases: 3 },
        { weight: 1, leases: 3 },
        { weight: 2, leases: 3 },
      ],
    ],
    [
      'weights, loads all over',
      [{ weight: 3, leases: 9 }, { leases: 1 }, { weight: 2, leases: 3 }, { weight: 5, leases: 30 }],
    ],
  ]
  test.each(lists)('%s: the shares of the law', (_name, options) => {
    const hosts = fakeHosts(...options)
    expectShares(sharesOf(policy, hosts, seededRandom(42), PICKS), analyticShares(hosts), 0.01)
  })

  test('of n hosts of one weight the k-th least loaded gets 2 (n - k) / n (n - 1)', () => {
    const hosts = fakeHosts({ leases: 0 }, { leases: 1 }, { leases: 2 }, { leases: 3 }, { leases: 4 })
    const seen = sharesOf(policy, hosts, seededRandom(1), PICKS)
    expectShares(seen, [8 / 20, 6 / 20, 4 / 20, 2 / 20, 0], 0.01)
    expect(seen[4]).toBe(0)
  })

  test('equally loaded hosts share by weight', () => {
    const hosts = fakeHosts({ weight: 5, leases: 10 }, { weight: 1, leases: 2 }, { weight: 2, leases: 4 })
    expectShares(sharesOf(policy, hosts, seededRandom(2), PICKS), shares([5, 1, 2]), 0.01)
  })
})

describe('the two drawn', () => {
  test('are always distinct: of two hosts the busier is never chosen', () => {
    const seen = sharesOf(policy, fakeHosts({ leases: 1 }, { leases: 0 }), seededRandom(3), PICKS)
    expect(seen).toEqual([0, 1])
  })

  // Weights 1, 2, 1, no load, so that the first drawn wins: borders at 1/4 and 3/4, each of the host above it.
  const hosts = fakeHosts({ weight: 1 }, { weight: 2 }, { weight: 1 })
  test.each([
    [0, 0],
    [0.2499, 0],
    [0.25, 1],
    [0.7499, 1],
    [0.75, 2],
    [1 - 2 ** -53, 2],
  ])('%d falls on host %i', (face, index) => {
    expect(policy.pick(hosts, { random: () => face })).toBe(hosts[index])
  })

  test('capacity and response time mean nothing', () => {
    const mixed = fakeHosts(
      { capacity: 2, leases: 1, responseTimeMs: 90 },
      { capacity: 50, leases: 2, responseTimeMs: 1 },
    )
    expect(sharesOf(policy, mixed, seededRandom(4), 1_000)).toEqual([1, 0])
  })
})

test('hosts that join and leave have their part of the next pick on', () => {
  const random = seededRandom(5)
  const [a, b] = equalHosts(2)
  const idle = new FakeHost('idle')
  const busy = new FakeHost('busy', { leases: 9 })
  expectShares(sharesOf(policy, fakeHosts({}, {}), random, PICKS), [0.5, 0.5], 0.01)
  expectShares(sharesOf(policy, [a, idle, busy], random, PICKS), [0.5, 0.5, 0], 0.01)
  if (b !== undefined) expectShares(sharesOf(policy, [b, busy], random, PICKS), [1, 0], 0)
})
