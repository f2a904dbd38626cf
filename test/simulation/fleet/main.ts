/**
 * `npm run simulate:fleet [-- --processes 1000]`: what a fleet of processes does to its five hosts, and how soon each of
 * them is back. The fleet is simulated in parts of a hundred, each against servers with a tenth of their power, on as many
 * cores as there are; its first phase once more without what holds it back, for comparison.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { missedBounds, missedShare } from './bounds.ts'
import { runFleetPart } from './fleet.ts'
import { wordPhase } from './fleet-report.ts'
import { joinAll } from './phase-result.ts'
import type { PhaseResult } from './phase-result.ts'
import { PHASES } from './phases.ts'

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
    phases: { type: 'string', default: String(PHASES.length) },
  },
})
const fleet = Number(values.processes)
/** What many more managers remember does not fit into a processor's caches, and everything takes twice as long. */
const MOST_AT_ONCE = 100

if (process.send === undefined) await runAll(Number(values.jobs))
else await runPart(Number(values.first), Number(values.count), Number(values.phases))

async function runPart(first: number, count: number, phases: number): Promise<void> {
  let results: readonly PhaseResult[] = []
  for (let done = 0; done < count; done += MOST_AT_ONCE) {
    const part = { fleet, first: first + done, count: Math.min(MOST_AT_ONCE, count - done) }
    const more = await runFleetPart(part, { BasePoolManager }, PHASES.slice(0, phases))
    results = results.length === 0 ? more : joinAll(results, more)
  }
  process.send?.(results, () => process.disconnect())
}

async function runAll(jobs: number): Promise<void> {
  const startedAtMs = performance.now()
  // The parts themselves need none of this.
  const { NAIVE, runInParts } = await import('./in-parts.ts')
  const results = await runInParts(fleet, jobs, PHASES.length)
  const naive = await runInParts(fleet, jobs, 1, NAIVE)
  results.forEach((result, index) => console.log(wordPhase(result, naive[index])))
  const [failover, naiveFailover] = [results[0], naive[0]]
  if (failover === undefined || naiveFailover === undefined) throw new RangeError('there are no phases')
  const missed = [...results.flatMap(missedBounds), ...missedShare(failover, naiveFailover)]
  for (const text of missed) console.log(`MISSED: ${text}`)
  console.log(`${missed.length} bounds missed; ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`)
  process.exitCode = missed.length === 0 ? 0 : 1
}
