import { atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { compete } from '../peers/contest.ts'
import type { Cost } from '../peers/contest.ts'
import { FAULTS } from '../peers/faults.ts'
import type { Fault } from '../peers/faults.ts'
import { HASQL, HASQL_RETRY } from '../peers/rivals.ts'

/** All go by their own timers on cores they share: whoever polls may be a moment earlier by luck. */
const LUCK_MS = 100
/** Each fault strikes so often, each time a new cluster; what a rival took is the median. */
const ROUNDS = 3

/** hasql beside what else can be told several hosts, under the same faults of the same clusters at the same time. */
export const peers: readonly Scenario[] = [{ row: 'R29', name: 'beside postgres.js and libpq', run: besidePeers }]

async function besidePeers({ quick }: RunContext): Promise<Outcome> {
  const measures: Measure[] = []
  const notes: string[] = []
  for (const fault of quick ? FAULTS.slice(0, 1) : FAULTS) {
    const rounds: (readonly Cost[])[] = []
    for (let round = 1; round <= ROUNDS; round += 1) rounds.push(await compete(fault))
    const costs = summed(rounds)
    measures.push(...judge(fault, costs))
    notes.push(fault.name, ...costs.map(wordCost))
  }
  return { measures, violations: [], notes }
}

/** What each rival took by the median, and all that went wrong in any round. */
function summed(rounds: readonly (readonly Cost[])[]): readonly Cost[] {
  return (rounds[0] ?? []).map(({ rival }) => {
    const own = rounds.flatMap((costs) => costs.filter((cost) => cost.rival === rival))
    const backMs = own.map((cost) => cost.backMs).sort((one, other) => one - other)[Math.floor(own.length / 2)] ?? NaN
    const total = (what: 'failedWrites' | 'failedReads' | 'hanging' | 'staleWrites'): number => sum(own, what)
    return {
      rival,
      backMs,
      failedWrites: total('failedWrites'),
      failedReads: total('failedReads'),
      hanging: total('hanging'),
      staleWrites: total('staleWrites'),
      died: own.some(({ died }) => died),
    }
  })
}

/** The worse of ours keeps the bound. The better of ours is compared with the better of the others: of two, one may have bad luck. */
function judge({ name, kind, boundMs }: Fault, costs: readonly Cost[]): Measure[] {
  const own = costs.filter(({ rival }) => rival === HASQL || rival === HASQL_RETRY)
  const others = costs.filter((cost) => !own.includes(cost))
  const worstMs = Math.max(...own.map(({ backMs }) => backMs))
  const bestOf = (costs: readonly Cost[]): number => Math.min(...costs.map(({ backMs }) => backMs))
  const behindMs = bestOf(own) - bestOf(others)
  const retrying = own.find(({ rival }) => rival === HASQL_RETRY)
  return [
    atMostMs(`${name}: all ${kind === 'write' ? 'writers' : 'readers'} go on`, worstMs, boundMs),
    atMostMs(`${name}: later than the best of the others`, Math.max(0, behindMs), LUCK_MS),
    atMost(`${name}: writes on the replaced master`, sum(own, 'staleWrites'), 0),
    atMost(`${name}: operations that hang`, sum(own, 'hanging'), 0),
    atMost(`${name}: with retry, failed reads`, retrying?.failedReads ?? NaN, 0),
  ]
}

function sum(costs: readonly Cost[], what: 'failedWrites' | 'failedReads' | 'hanging' | 'staleWrites'): number {
  return costs.reduce((total, cost) => total + cost[what], 0)
}

function wordCost({ rival, backMs, failedWrites, failedReads, hanging, staleWrites, died }: Cost): string {
  const back = backMs === Infinity ? 'never' : `after ${backMs.toFixed(0)} ms`
  const failed = `${failedWrites} writes and ${failedReads} reads failed`
  const end = died ? ', its process ended' : ''
  return `  ${rival.padEnd(17)} back ${back.padEnd(14)} ${failed}, ${staleWrites} writes on the replaced master, ${hanging} hang${end}`
}
