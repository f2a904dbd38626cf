import type { NonEmpty } from '../dsn/host-spec.ts'
import type { Random } from '../random/random.ts'
import type { BalancerPolicy, Candidate, PolicyContext } from './policy.ts'

/**
 * Draws two distinct hosts at random and chooses the less loaded of them.
 *
 * ```ts
 * new PoolManager(dsn, { balancerPolicy: new PowerOfTwoBalancerPolicy() })
 * ```
 * Both draws go by weight, the second among the hosts left; load is `leases / weight`; a tie goes to the first drawn.
 * Unlike greedy, a host that joins idle is not given every new lease, but at most 2 / n of them among n equal hosts.
 *
 * The law of the shares: with q(i, j) = w(i) / W * w(j) / (W - w(i)), where W is the sum of the weights, a host i gets
 * the sum of q(i, j) + q(j, i) over the more loaded hosts j, plus the sum of q(i, j) over those equally loaded. So
 * equally loaded hosts share in proportion to weight, and of n hosts of one weight the least loaded gets 2 / n and the
 * most loaded nothing. It keeps no state.
 */
export class PowerOfTwoBalancerPolicy implements BalancerPolicy {
  readonly name: string = 'power-of-two'

  pick(candidates: NonEmpty<Candidate>, { random }: PolicyContext): Candidate {
    if (candidates.length === 1) return candidates[0]
    const first = draw(candidates, random, undefined)
    const second = draw(candidates, random, first)
    return first.leases / first.weight <= second.leases / second.weight ? first : second
  }
}

/** One of the candidates but `excluded`, by weight. */
function draw(candidates: NonEmpty<Candidate>, random: Random, excluded: Candidate | undefined): Candidate {
  let total = 0
  for (const candidate of candidates) if (candidate !== excluded) total += candidate.weight
  let left = random() * total
  let drawn = candidates[0]
  for (const candidate of candidates) {
    if (candidate === excluded) continue
    // Should rounding carry the draw past the end, the last host has it.
    drawn = candidate
    left -= candidate.weight
    if (left < 0) break
  }
  return drawn
}
