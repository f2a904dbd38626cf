import { expect, test } from 'vitest'
import { GreedyBalancerPolicy } from '../../../src/balancer/greedy.ts'
import type { BalancerPolicy, Candidate } from '../../../src/balancer/policy.ts'
import { PowerOfTwoBalancerPolicy } from '../../../src/balancer/power-of-two.ts'
import { RandomWeightedBalancerPolicy } from '../../../src/balancer/random-weighted.ts'
import { RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import type { HostId, NonEmpty } from '../../../src/dsn/host-spec.ts'
import { equalHosts } from '../../support/fake-host.ts'
import { policyConformance } from './policy-conformance.ts'

/** The least a user can write. */
const anyHost: BalancerPolicy = {
  name: 'any',
  pick: (candidates, { random }) => candidates[Math.floor(random() * candidates.length)] ?? candidates[0],
}

/** A user's policy with a memory: the host that was chosen longest ago. */
class LongestAgoPolicy implements BalancerPolicy {
  readonly name: string = 'longest-ago'
  readonly #chosenAt = new Map<HostId, number>()
  #picks = 0

  pick(candidates: NonEmpty<Candidate>): Candidate {
    let chosen = candidates[0]
    for (const candidate of candidates) if (this.#when(candidate) < this.#when(chosen)) chosen = candidate
    this.#picks += 1
    this.#chosenAt.set(chosen.hostId, this.#picks)
    return chosen
  }

  #when({ hostId }: Candidate): number {
    return this.#chosenAt.get(hostId) ?? 0
  }
}

test.each([
  new GreedyBalancerPolicy(),
  new RandomWeightedBalancerPolicy(),
  new RoundRobinBalancerPolicy(),
  new PowerOfTwoBalancerPolicy(),
])('$name takes the only candidate without dice', (policy) => {
  const [host] = equalHosts(1)
  const noDice = (): number => {
    throw new Error('dice were thrown')
  }
  expect(policy.pick([host], { random: noDice })).toBe(host)
})

policyConformance('greedy', () => new GreedyBalancerPolicy(), 'by weight')
policyConformance('random-weighted', () => new RandomWeightedBalancerPolicy(), 'by weight')
policyConformance('round-robin', () => new RoundRobinBalancerPolicy(), 'by weight')
policyConformance('power-of-two', () => new PowerOfTwoBalancerPolicy(), 'by weight')
policyConformance("a user's object", () => anyHost, 'weight ignored')
policyConformance("a user's class with state", () => new LongestAgoPolicy(), 'weight ignored')
