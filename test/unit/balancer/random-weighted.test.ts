import { describe, expect, test } from 'vitest'
import { MIN_RESPONSE_TIME_MS, RandomWeightedBalancerPolicy } from '../../../src/balancer/random-weighted.ts'
import type { NonEmpty } from '../../../src/dsn/host-spec.ts'
import type { FakeHost } from '../../support/fake-host.ts'
import { fakeHosts } from '../../support/fake-host.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { expectShares, shares, sharesOf } from '../../support/shares.ts'

const PICKS = 100_000
const policy = new RandomWeightedBalancerPolicy()

function expectParts(hosts: NonEmpty<FakeHost>, parts: readonly number[]): void {
  expectShares(sharesOf(policy, hosts, seededRandom(42), PICKS), shares(parts), 0.01)
}

describe('shares', () => {
  test('go by the inverse of the response time', () => {
    expectParts(fakeHosts({ responseTimeMs: 1 }, { responseTimeMs: 2 }, { responseTimeMs: 4 }), [4, 2, 1])
    expectParts(fakeHosts({ responseTimeMs: 30 }, { responseTimeMs: 0.5 }), [1, 60])
  })

  test('are multiplied by weight', () => {
    const hosts = fakeHosts(
      { responseTimeMs: 1, weight: 1 },
      { responseTimeMs: 2, weight: 6 },
      { responseTimeMs: 4, weight: 2 },
    )
    expectParts(hosts, [1, 3, 0.5])
  })

  test('do not go by load', () => {
    expectParts(fakeHosts({ responseTimeMs: 1, leases: 20 }, { responseTimeMs: 1 }), [1, 1])
  })

  test('change with the list: a host that joined has its part, a host that left none', () => {
    const [a, b, c] = [{ responseTimeMs: 1 }, { responseTimeMs: 2 }, { responseTimeMs: 2 }]
    expectParts(fakeHosts(a, b), [2, 1])
    expectParts(fakeHosts(a, b, c), [2, 1, 1])
    expectParts(fakeHosts(b, c), [1, 1])
  })
})

describe('hosts not measured', () => {
  test('count as the mean of those that are', () => {
    expectParts(fakeHosts({ responseTimeMs: 10 }, {}, { responseTimeMs: 30 }), [1 / 10, 1 / 20, 1 / 30])
  })

  test('count with their weight', () => {
    expectParts(fakeHosts({ responseTimeMs: 10 }, { weight: 3 }, { responseTimeMs: 30, weight: 2 }, {}), [
      1 / 10,
      3 / 20,
      2 / 30,
      1 / 20,
    ])
  })

  test('share by weight while none is', () => {
    expectParts(fakeHosts({ weight: 1 }, { weight: 4 }, { weight: 2 }), [1, 4, 2])
  })

  test.each([Infinity, Number.NaN])('%d is no measurement', (responseTimeMs) => {
    expectParts(fakeHosts({ responseTimeMs: 10 }, { responseTimeMs }, { responseTimeMs: 30 }), [6, 3, 2])
  })
})

describe('response times too good to be true', () => {
  test.each([0, -1, 1e-320, MIN_RESPONSE_TIME_MS / 2])('%d counts as the least there is', (responseTimeMs) => {
    expectParts(fakeHosts({ responseTimeMs }, { responseTimeMs: 4 * MIN_RESPONSE_TIME_MS }), [4, 1])
    expectParts(fakeHosts({ responseTimeMs }, { responseTimeMs, weight: 2 }), [1, 2])
  })

  test('a host not measured counts as the mean of what the others count as', () => {
    const parts = [1, 2 / 4, 1 / 3].map((rate) => rate / MIN_RESPONSE_TIME_MS)
    expectParts(fakeHosts({ responseTimeMs: 0 }, {}, { responseTimeMs: 3 * MIN_RESPONSE_TIME_MS }), parts)
  })
})

describe('the draw', () => {
  // Rates 1, 2 and 1: the borders are at 1/4 and 3/4, and a border belongs to the host above it.
  const hosts = fakeHosts({ responseTimeMs: 2 }, { responseTimeMs: 1 }, { responseTimeMs: 2 })
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
})
