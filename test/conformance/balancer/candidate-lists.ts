import type { Candidate } from '../../../src/balancer/policy.ts'
import type { NonEmpty } from '../../../src/dsn/host-spec.ts'
import type { Random } from '../../../src/random/random.ts'
import { FakeHost, nonEmpty } from '../../support/fake-host.ts'

/** Hosts of all sorts: idle and overrun, quick, slow, not measured, impossibly quick, light and heavy. */
export function mixedHosts(count: number, random: Random): NonEmpty<Candidate> {
  const oneOf = <T>(items: NonEmpty<T>): T => items[Math.floor(random() * items.length)] ?? items[0]
  return nonEmpty(
    Array.from({ length: count }, (_, index) => {
      const leases = oneOf([0, 1, 5, 10, 50])
      const responseTimeMs = oneOf([undefined, 0, 1e-300, 0.3, 40, 1e9, Infinity])
      return new FakeHost(`db${index}`, { leases, responseTimeMs, weight: oneOf([1, 1e-9, 0.3, 5, 1e9]) })
    }),
  )
}

/** The list and its items made unchangeable: writing to them throws. */
export function frozen(candidates: NonEmpty<Candidate>): NonEmpty<Candidate> {
  for (const candidate of candidates) Object.freeze(candidate)
  return Object.freeze(candidates)
}

/** The items in another order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1))
}

/** Loaded dice. */
export function always(face: number): Random {
  return () => face
}
