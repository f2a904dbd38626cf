import type { NonEmpty } from '../dsn/host-spec.ts'
import type { Random } from '../random/random.ts'
import type { BalancerPolicy, Candidate, PolicyContext } from './policy.ts'

/**
 * Chooses the host with the most free connections; ties are drawn at random. The default.
 *
 * ```ts
 * new PoolManager(dsn, { balancerPolicy: new GreedyBalancerPolicy() })
 * ```
 * A lease counts once on the heaviest host of the list and twice on a host of half its weight, so the host chosen has
 * the largest `capacity - leases * heaviest / weight`; with equal weights that is the plain number of free
 * connections. A tie goes to each in proportion to its weight. A host with a free connection always comes before one
 * without; when all are full, the largest `free / weight` wins: the fewest waiting callers for its weight.
 *
 * The law of the shares, for pools of one size: leases are held in proportion to weight, at any load until a host is
 * full. Larger pools are filled first, down to as many free connections as the smaller ones have.
 */
export class GreedyBalancerPolicy implements BalancerPolicy {
  readonly name: string = 'greedy'

  /** Free connections of the candidates, in their order, read once for each pick. */
  readonly #free: number[] = []

  pick(candidates: NonEmpty<Candidate>, { random }: PolicyContext): Candidate {
    const [first] = candidates
    if (candidates.length === 1) return first
    const { weight } = first
    let most = -Infinity
    let tied = 0
    let place = 0
    for (const candidate of candidates) {
      if (candidate.weight !== weight) return this.#pickByWeight(candidates, random)
      const { free } = candidate
      this.#free[place++] = free
      if (free > most) tied = 0
      if (free >= most) tied += 1
      most = Math.max(most, free)
    }
    return this.#having(candidates, most, tied > 1 ? Math.floor(random() * tied) : 0)
  }

  /** The candidate with so many free connections, after so many others that have as many. */
  #having(candidates: NonEmpty<Candidate>, free: number, others: number): Candidate {
    let place = this.#free.indexOf(free)
    for (let left = others; left > 0; left -= 1) place = this.#free.indexOf(free, place + 1)
    return candidates[place] ?? candidates[0]
  }

  #pickByWeight(candidates: NonEmpty<Candidate>, random: Random): Candidate {
    let chosen = candidates[0]
    // Not `free * weight`: that sends every lone lease to the heaviest host, and turns round below zero.
    const heaviest = this.#heaviestOpen(candidates)
    let most = -Infinity
    let tiedWeight = 0
    let place = 0
    for (const candidate of candidates) {
      const plain = this.#free[place++] ?? 0
      if (heaviest > 0 && plain <= 0) continue
      const { weight } = candidate
      const free = heaviest === weight ? plain : weighted(candidate, plain, weight, heaviest)
      if (free < most) continue
      // One die for each tie: the newcomer replaces the winner so far with the chance of its weight among the tied.
      tiedWeight = free > most ? weight : tiedWeight + weight
      if (free > most || random() * tiedWeight < weight) chosen = candidate
      most = free
    }
    return chosen
  }

  /** The largest weight of the hosts that have a free connection; 0 when all are full. */
  #heaviestOpen(candidates: NonEmpty<Candidate>): number {
    let heaviest = 0
    let place = 0
    for (const candidate of candidates) {
      const { free } = candidate
      this.#free[place++] = free
      if (free > 0 && candidate.weight > heaviest) heaviest = candidate.weight
    }
    return heaviest
  }
}

/** How many connections are free when a lease counts the more, the lighter the host. */
function weighted(candidate: Candidate, free: number, weight: number, heaviest: number): number {
  if (heaviest === 0) return free / weight
  return candidate.capacity - (candidate.leases * heaviest) / weight
}
