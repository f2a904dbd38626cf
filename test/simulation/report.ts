import type { Result } from './many-seeds.ts'
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

/** How often each fault struck, met a manager at work, and was noticed by it; and what became of the writes. */
export function wordFaults({ faults, writes, tokens }: Result): string {
  const lines = [...faults]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([kind, { struck, busy, felt }]) =>
      [kind.padEnd(22), ...[struck, busy, felt].map((count) => String(count).padStart(8))].join(''),
    )
  return [
    `${'fault'.padEnd(22)}  struck    busy noticed`,
    ...lines,
    `acknowledged writes: ${writes.kept} kept, ${writes.lost} lost by PostgreSQL itself; ${writes.again} were run again by \`retry\``,
    `reads after a token: ${tokens.onReplica} on a replica, ${tokens.onMaster} on the master, ${tokens.refused} refused because the write may be lost`,
  ].join('\n')
}
