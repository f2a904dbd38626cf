import { GreedyBalancerPolicy } from '../src/balancer/greedy.ts'
import type { BalancerPolicy, Candidate } from '../src/balancer/policy.ts'
import { PowerOfTwoBalancerPolicy } from '../src/balancer/power-of-two.ts'
import { RandomWeightedBalancerPolicy } from '../src/balancer/random-weighted.ts'
import { RoundRobinBalancerPolicy } from '../src/balancer/round-robin.ts'
import { hostIdOf } from '../src/dsn/host-id.ts'
import type { NonEmpty } from '../src/dsn/host-spec.ts'
import { systemRandom } from '../src/random/system-random.ts'

const PICKS = 1_000_000
const ROUNDS = 7
const HOST_COUNTS = [1, 3, 16]

const context = { random: systemRandom }

/** Prints what one `pick` of each policy costs in nanoseconds: the best of several rounds, all hosts alike. */
export function run(): void {
  const policies = [
    new GreedyBalancerPolicy(),
    new RandomWeightedBalancerPolicy(),
    new RoundRobinBalancerPolicy(),
    new PowerOfTwoBalancerPolicy(),
  ]
  console.log('policy            hosts   ns/pick')
  for (const policy of policies) {
    for (const hosts of HOST_COUNTS) {
      const cost = nanosecondsPerPick(policy, candidates(hosts))
      console.log(`${policy.name.padEnd(16)} ${String(hosts).padStart(6)} ${cost.toFixed(1).padStart(9)}`)
    }
  }
}

function nanosecondsPerPick(policy: BalancerPolicy, list: NonEmpty<Candidate>): number {
  let best = Infinity
  // Counting what was picked keeps the compiler from leaving the pick out.
  let picked = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < PICKS; i += 1) picked += policy.pick(list, context).weight
    best = Math.min(best, Number(process.hrtime.bigint() - start) / PICKS)
  }
  if (picked !== PICKS * ROUNDS) throw new Error(`${policy.name}: ${picked} picks counted`)
  return best
}

function candidates(count: number): NonEmpty<Candidate> {
  const rest = Array.from({ length: count - 1 }, (_, index) => candidate(index + 1))
  return [candidate(0), ...rest]
}

function candidate(index: number): Candidate {
  const leases = index % 3
  return {
    hostId: hostIdOf(`db${index}`, 5432),
    leases,
    capacity: 10,
    free: 10 - leases,
    responseTimeMs: 1 + (index % 4),
    weight: 1,
  }
}
