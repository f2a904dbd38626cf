import { atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { compete } from '../peers/contest.ts'
import type { Cost } from '../peers/contest.ts'
import { FAULTS } from '../peers/faults.ts'
import type { Fault } from '../peers/faults.ts'
import { HASQL, HASQL_RETRY } from '../peers/rivals.ts'

/**
 * All go by their own timers on cores they share: whoever polls may be a moment earlier by luck. The worse of two of ours is compared with
 * the better of two others, once; where four processes share two slow cores that alone was up to 190 ms.
 */
const LUCK_MS = 200

/** hasql beside what else can be told several hosts, under the same faults of the same clusters at the same time. */
export const peers: readonly Scenario[] = [{ row: 'R29', name: 'beside postgres.js and libpq', run: besidePeers }]

async function besidePeers({ quick }: RunContext): Promise<Outcome> {
  const measures: Measure[] = []
  const notes: string[] = []
  for (const fault of quick ? FAULTS.slice(0, 1) : FAULTS) {
    const costs = await compete(fault)
    measures.push(...judge(fault, costs))
    notes.push(fault.name, ...costs.map(wordCost))
  }
  return { measures, violations: [], notes }
}

function judge({ name, kind, boundMs }: Fault, costs: readonly Cost[]): Measure[] {
  const own = costs.filter(({ rival }) => rival === HASQL || rival === HASQL_RETRY)
  const others = costs.filter((cost) => !own.includes(cost))
  const worstMs = Math.max(...own.map(({ backMs }) => backMs))
  const bestMs = Math.min(...others.map(({ backMs }) => backMs))
  const retrying = own.find(({ rival }) => rival === HASQL_RETRY)
  return [
    atMostMs(`${name}: all ${kind === 'write' ? 'writers' : 'readers'} go on`, worstMs, boundMs),
    atMostMs(`${name}: later than the best of the others`, Math.max(0, worstMs - bestMs), LUCK_MS),
    atMost(`${name}: writes on the replaced master`, sum(own, 'staleWrites'), 0),
    atMost(`${name}: operations that hang`, sum(own, 'hanging'), 0),
    atMost(`${name}: with retry, failed reads`, retrying?.failedReads ?? NaN, 0),
  ]
}

function sum(costs: readonly Cost[], what: 'staleWrites' | 'hanging'): number {
  return costs.reduce((total, cost) => total + cost[what], 0)
}

function wordCost({ rival, backMs, failedWrites, failedReads, hanging, staleWrites, died }: Cost): string {
  const back = backMs === Infinity ? 'never' : `after ${backMs.toFixed(0)} ms`
  const failed = `${failedWrites} writes and ${failedReads} reads failed`
  const end = died ? ', its process ended' : ''
  return `  ${rival.padEnd(17)} back ${back.padEnd(14)} ${failed}, ${staleWrites} writes on the replaced master, ${hanging} hang${end}`
}
