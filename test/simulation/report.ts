import type { Outcome } from './run-seed.ts'

/** A failed run for people: what broke, what happened before, and how to see it again. */
export function wordFailure({ scenario, violation, trace }: Outcome): string {
  if (violation === undefined) return `seed ${scenario.seed} holds`
  return [
    `seed ${scenario.seed} broke ${violation.invariant} at ${violation.atMs.toFixed(2)} ms: ${violation.text}`,
    `again: npm run simulate -- --seed ${scenario.seed}`,
    JSON.stringify(scenario),
    ...trace,
  ].join('\n')
}
