import { describe, expect, test } from 'vitest'
import { RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import type { Candidate } from '../../../src/balancer/policy.ts'
import type { HostId, NonEmpty } from '../../../src/dsn/host-spec.ts'
import { FakeHost, equalHosts, fakeHosts, nonEmpty } from '../../support/fake-host.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { pickIndex, shares, sharesOf } from '../../support/shares.ts'

const PICKS = 100_000
const random = seededRandom(42)

/** How far the picks of each host are from its share, kept over picks from any lists. */
class Ledger {
  readonly policy: RoundRobinBalancerPolicy = new RoundRobinBalancerPolicy()
  readonly owed: Map<HostId, number> = new Map()
  furthest = 0

  pick(candidates: NonEmpty<Candidate>): Candidate {
    const chosen = this.policy.pick(candidates, { random })
    const total = candidates.reduce((sum, { weight }) => sum + weight, 0)
    for (const candidate of candidates) {
      const before = this.owed.get(candidate.hostId) ?? 0
      const after = before + candidate.weight / total - (candidate === chosen ? 1 : 0)
      this.owed.set(candidate.hostId, after)
      this.furthest = Math.max(this.furthest, Math.abs(after))
    }
    return chosen
  }
}

function picks(policy: RoundRobinBalancerPolicy, list: NonEmpty<Candidate>, times: number): readonly HostId[] {
  return Array.from({ length: times }, () => policy.pick(list, { random }).hostId)
}

describe('a list that stays the same', () => {
  test.each([2, 3, 16])('%i equal hosts follow in strict rotation', (count) => {
    const hosts = equalHosts(count)
    const rounds = picks(new RoundRobinBalancerPolicy(), hosts, count * 1_000)
    expect(new Set(rounds.slice(0, count)).size).toBe(count)
    expect(rounds).toEqual(rounds.map((_, index) => rounds[index % count]))
  })

  test('shares are exact over 100,000 picks', () => {
    const seen = sharesOf(
      new RoundRobinBalancerPolicy(),
      fakeHosts({ weight: 5 }, { weight: 1 }, { weight: 2 }),
      random,
      PICKS,
    )
    for (const [index, share] of shares([5, 1, 2]).entries()) {
      expect(Math.abs((seen[index] ?? 0) - share) * PICKS).toBeLessThan(2)
    }
  })

  test('no host is ever two picks off its share, whatever the weights', () => {
    for (let run = 0; run < 60; run += 1) {
      const ledger = new Ledger()
      const weights = Array.from({ length: 2 + Math.floor(random() * 12) }, () => ({
        weight: 0.01 + 9 * random() ** 3,
      }))
      const hosts = fakeHosts(...nonEmpty(weights))
      for (let i = 0; i < 2_000; i += 1) ledger.pick(hosts)
      expect(ledger.furthest).toBeLessThan(2)
    }
  })

  test('a heavy host is spread out, not served in a block', () => {
    const heavy = new FakeHost('heavy', { weight: 4 })
    const turns = picks(
      new RoundRobinBalancerPolicy(),
      [new FakeHost('a', { weight: 2 }), heavy, new FakeHost('b', { weight: 2 })],
      800,
    )
    const inARow = turns.filter((hostId, index) => hostId === heavy.hostId && turns[index - 1] === hostId)
    expect(inARow.length).toBeLessThanOrEqual(1)
  })

  test('a fleet that starts at once starts on every host', () => {
    const hosts = fakeHosts({}, {}, {}, {})
    const first = Array.from({ length: 4_000 }, () => pickIndex(new RoundRobinBalancerPolicy(), hosts, random))
    for (const index of hosts.keys()) expect(first.filter((each) => each === index).length).toBeGreaterThan(850)
  })
})

describe('lists through one policy', () => {
  test('two lists taken in turn are each in strict rotation', () => {
    const policy = new RoundRobinBalancerPolicy()
    const replicas = fakeHosts({}, {}, {})
    const masters = nonEmpty([new FakeHost('m0'), new FakeHost('m1')])
    const alone = nonEmpty([new FakeHost('alone')])
    const seen: HostId[] = []
    for (let i = 0; i < 3_000; i += 1) {
      seen.push(policy.pick(replicas, { random }).hostId)
      for (let k = 0; k < i % 3; k += 1) policy.pick(masters, { random })
      policy.pick(alone, { random })
    }
    expect(seen).toEqual(seen.map((_, index) => seen[index % 3]))
    expect(new Set(seen).size).toBe(3)
  })

  test('lists that overlap leave every host within three picks of the sum of its shares', () => {
    const ledger = new Ledger()
    const hosts = fakeHosts({}, {}, { weight: 3 }, {}, { weight: 0.5 })
    for (let i = 0; i < 20_000; i += 1) {
      const some = hosts.filter(() => random() < 0.5)
      if (some.length > 0) ledger.pick(nonEmpty(some))
    }
    expect(ledger.furthest).toBeLessThan(3)
  })

  test('a list of one leaves the others their turn', () => {
    const policy = new RoundRobinBalancerPolicy()
    const [a, b] = [new FakeHost('a'), new FakeHost('b')]
    const next = policy.pick([a, b], { random }) === a ? b : a
    for (let i = 0; i < 10; i += 1) expect(policy.pick([next], { random })).toBe(next)
    expect(policy.pick([a, b], { random })).toBe(next)
  })
})
