import { describe, expect, test } from 'vitest'
import { REMEMBERED_HOSTS, RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import { FakeHost, equalHosts, nonEmpty } from '../../support/fake-host.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { pickIndex } from '../../support/shares.ts'

const random = seededRandom(42)
/** Dice under which a host that joins is owed as much as one ever may be. */
const inFavour = { random: () => 0.9999999 }

/** How many of the next picks go to `host`. */
function count(policy: RoundRobinBalancerPolicy, list: readonly FakeHost[], host: FakeHost, times: number): number {
  let taken = 0
  for (let i = 0; i < times; i += 1) if (policy.pick(nonEmpty(list), { random }) === host) taken += 1
  return taken
}

describe('a host that joins', () => {
  test('gets its share and no burst, however long the others have run', () => {
    const old = equalHosts(3)
    for (let run = 0; run < 50; run += 1) {
      const policy = new RoundRobinBalancerPolicy()
      count(policy, old, old[0], 1_000 + run)
      const newcomer = new FakeHost('newcomer')
      const rounds = [1, 2, 3].map(() => count(policy, [newcomer, ...old], newcomer, 4))
      expect(Math.max(...rounds)).toBeLessThanOrEqual(2)
      expect(Math.abs(count(policy, [newcomer, ...old], newcomer, 4_000) - 1_000)).toBeLessThanOrEqual(2)
    }
  })

  test('starts from the mean of the others, though hosts before it left with a debt', () => {
    const policy = new RoundRobinBalancerPolicy()
    let stays = [new FakeHost('a'), new FakeHost('b'), new FakeHost('c')]
    for (let change = 0; change < 200; change += 1) {
      const leaver = policy.pick(nonEmpty(stays), { random })
      stays = [...stays.filter((host) => host !== leaver), new FakeHost(`next${change}`)]
    }
    for (const host of stays) expect(Math.abs(count(policy, stays, host, 300) - 100)).toBeLessThanOrEqual(2)
    const newcomer = new FakeHost('newcomer')
    expect(count(policy, [...stays, newcomer], newcomer, 40)).toBeGreaterThanOrEqual(8)
    expect(count(policy, [...stays, newcomer], newcomer, 40)).toBeLessThanOrEqual(12)
  })
})

describe('where a host comes in', () => {
  /** The turn, from 0, of a host that joins three others, under one die when they started and one when it joins. */
  function turnOfNewcomer(startDie: number, joinDie: number): number {
    const policy = new RoundRobinBalancerPolicy()
    const hosts = equalHosts(3)
    for (let i = 0; i < 6; i += 1) policy.pick(hosts, { random: () => startDie })
    const turns = Array.from({ length: 4 }, () =>
      pickIndex(policy, [...hosts, new FakeHost('newcomer')], () => joinDie),
    )
    return turns.findIndex((index) => !(index in hosts))
  }

  test.each([0, 0.5, 0.999])(
    'is told by the dice alone, around the mean of the others (they started at %d)',
    (start) => {
      expect(turnOfNewcomer(start, 0.6)).toBe(0)
      expect(turnOfNewcomer(start, 0.4)).toBe(3)
    },
  )
})

describe('a host that leaves', () => {
  test('has its turns shared by the rest at once', () => {
    const policy = new RoundRobinBalancerPolicy()
    const [gone, ...rest] = equalHosts(4)
    count(policy, [gone, ...rest], gone, 1_001)
    for (const host of rest) expect(Math.abs(count(policy, rest, host, 300) - 100)).toBeLessThanOrEqual(2)
  })

  test('takes up its account when it comes back, so that flapping earns nothing', () => {
    const policy = new RoundRobinBalancerPolicy()
    const flapping = new FakeHost('flapping')
    const rest = equalHosts(3)
    let taken = 0
    for (let i = 0; i < 4_000; i += 1) {
      taken += policy.pick([flapping, ...rest], inFavour) === flapping ? 1 : 0
      policy.pick(rest, inFavour)
    }
    expect(Math.abs(taken - 1_000)).toBeLessThanOrEqual(2)
  })

  /** Whether `seen` new hosts make the policy forget one that has just had its turn. */
  function forgets(seen: number): boolean {
    const policy = new RoundRobinBalancerPolicy()
    const [gone, other] = [new FakeHost('gone'), new FakeHost('other')]
    if (policy.pick([gone, other], { random }) !== gone) policy.pick([gone, other], { random })
    for (let i = 0; i < seen; i += 1) policy.pick([other, new FakeHost(`passing${i}`)], { random })
    const others = equalHosts(64)
    count(policy, others, others[0], 64)
    return policy.pick([...others, gone], inFavour) === gone
  }

  test('is remembered for a while, and forgotten once hundreds of others were seen', () => {
    expect(forgets(10)).toBe(false)
    expect(forgets(REMEMBERED_HOSTS + 10)).toBe(false)
    expect(forgets(2 * REMEMBERED_HOSTS + 2)).toBe(true)
  })
})

test('a list longer than the memory is still in strict rotation', () => {
  const policy = new RoundRobinBalancerPolicy()
  const hosts = equalHosts(2 * REMEMBERED_HOSTS)
  for (let round = 0; round < 3; round += 1) {
    const seen = new Set(hosts.map(() => policy.pick(hosts, { random })))
    expect(seen.size).toBe(hosts.length)
  }
})

test('hosts owed the same follow in the order of the list', () => {
  const policy = new RoundRobinBalancerPolicy()
  const hosts = equalHosts(4)
  const turns = Array.from({ length: 8 }, () => pickIndex(policy, hosts, () => 0.5))
  expect(turns).toEqual([0, 1, 2, 3, 0, 1, 2, 3])
})
