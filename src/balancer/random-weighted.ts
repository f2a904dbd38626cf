import type { NonEmpty } from '../dsn/host-spec.ts'
import type { BalancerPolicy, Candidate, PolicyContext } from './policy.ts'

/** No host counts as faster than this: a clock that saw no time pass must not draw all traffic to one host. */
export const MIN_RESPONSE_TIME_MS = 0.01

/**
 * Draws a host at random, a quick one more often than a slow one.
 *
 * ```ts
 * new PoolManager(dsn, { balancerPolicy: new RandomWeightedBalancerPolicy() })
 * ```
 * The law of the shares: each host gets traffic in proportion to `weight / responseTimeMs`. Hosts that answer in 1, 2
 * and 4 ms share 4 : 2 : 1. A response time below `MIN_RESPONSE_TIME_MS` counts as that. A host not measured yet counts
 * as the mean of those that are; while none is, shares go by weight alone. It keeps no state.
 */
export class RandomWeightedBalancerPolicy implements BalancerPolicy {
  readonly name: string = 'random-weighted'

  /** Worked out anew at each pick; kept, so that a pick makes nothing. */
  readonly #shares: number[] = []

  pick(candidates: NonEmpty<Candidate>, { random }: PolicyContext): Candidate {
    let chosen = candidates[0]
    if (candidates.length === 1) return chosen
    let draw = random() * this.#total(candidates)
    let index = 0
    for (const candidate of candidates) {
      // Should rounding carry the draw past the end, the last host has it.
      chosen = candidate
      draw -= this.#shares[index++] ?? 0
      if (draw < 0) break
    }
    return chosen
  }

  /** Works the shares out; returns their sum. */
  #total(candidates: NonEmpty<Candidate>): number {
    const shares = this.#shares
    let total = 0
    let sumMs = 0
    let index = 0
    let unmeasured = 0
    for (const candidate of candidates) {
      const timeMs = measuredMs(candidate)
      if (timeMs === undefined) unmeasured += 1
      else sumMs += timeMs
      const share = timeMs === undefined ? 0 : candidate.weight / timeMs
      shares[index++] = share
      total += share
    }
    if (unmeasured === 0) return total
    // With no measurement at all any number does: the same for every host, it leaves weight alone to decide.
    const meanMs = unmeasured === candidates.length ? 1 : sumMs / (candidates.length - unmeasured)
    for (const [place, candidate] of candidates.entries()) {
      if (measuredMs(candidate) !== undefined) continue
      shares[place] = candidate.weight / meanMs
      total += candidate.weight / meanMs
    }
    return total
  }
}

/** Undefined for a host that has no usable measurement: none at all, infinite, or not a number. */
function measuredMs({ responseTimeMs }: Candidate): number | undefined {
  if (responseTimeMs === undefined || !(responseTimeMs < Infinity)) return undefined
  return responseTimeMs > MIN_RESPONSE_TIME_MS ? responseTimeMs : MIN_RESPONSE_TIME_MS
}
