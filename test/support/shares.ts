import { expect } from 'vitest'
import type { BalancerPolicy, Candidate } from '../../src/balancer/policy.ts'
import type { NonEmpty } from '../../src/dsn/host-spec.ts'
import type { Random } from '../../src/random/random.ts'
import { frequencies } from './seeded-random.ts'

/** The share of `times` picks each candidate got, in the order of the list. */
export function sharesOf(
  policy: BalancerPolicy,
  candidates: NonEmpty<Candidate>,
  random: Random,
  times: number,
): readonly number[] {
  const shares = frequencies(times, () => policy.pick(candidates, { random }).hostId)
  return candidates.map(({ hostId }) => shares.get(hostId) ?? 0)
}

/** Where in the list the host is that the policy picks now; -1 when it is not one of them. */
export function pickIndex(policy: BalancerPolicy, candidates: NonEmpty<Candidate>, random: Random): number {
  return candidates.indexOf(policy.pick(candidates, { random }))
}

/** Parts as shares of their sum: `shares([2, 1, 1])` is `[0.5, 0.25, 0.25]`. */
export function shares(parts: readonly number[]): readonly number[] {
  const total = parts.reduce((sum, part) => sum + part, 0)
  return parts.map((part) => part / total)
}

/** Fails unless each share is within `tolerance` (absolute, or derived from the share) of the one wanted. */
export function expectShares(
  seen: readonly number[],
  wanted: readonly number[],
  tolerance: number | ((share: number) => number),
): void {
  expect(seen).toHaveLength(wanted.length)
  for (const [index, share] of wanted.entries()) {
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance(share)
    const off = Math.abs((seen[index] ?? Number.NaN) - share)
    expect(off, `seen ${seen.join(', ')}; wanted ${wanted.join(', ')}`).toBeLessThanOrEqual(allowed)
  }
}
