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

  pick(candidates: NonEmpty<Candidate>, { random }: PolicyContext): Candidate {
    let chosen = candidates[0]
    if (candidates.length === 1) return chosen
    let sumMs = 0
    let measured = 0
    let total = 0
    let unmeasuredWeight = 0
    for (const candidate of candidates) {
      const timeMs = measuredMs(candidate)
      if (timeMs === undefined) {
        unmeasuredWeight += candidate.weight
      } else {
        sumMs += timeMs
        measured += 1
        total += candidate.weight / timeMs
      }
    }
    // With no measurement at all any number does: the same for every host, it leaves weight alone to decide.
    const unmeasuredMs = measured === 0 ? 1 : sumMs / measured
    total += unmeasuredWeight / unmeasuredMs
    let draw = random() * total
    for (const candidate of candidates) {
      // Should rounding carry the draw past the end, the last host has it.
      chosen = candidate
      draw -= candidate.weight / (measuredMs(candidate) ?? unmeasuredMs)
      if (draw < 0) break
    }
    return chosen
  }
}

/** Undefined for a host that has no usable measurement: none at all, infinite, or not a number. */
function measuredMs({ responseTimeMs }: Candidate): number | undefined {
  if (responseTimeMs === undefined || !(responseTimeMs < Infinity)) return undefined
  return responseTimeMs > MIN_RESPONSE_TIME_MS ? responseTimeMs : MIN_RESPONSE_TIME_MS
}
