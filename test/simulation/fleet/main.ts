/**
 * `npm run simulate:fleet [-- --processes 1000]`: what a fleet of processes does to its five hosts, and how soon each of
 * them is back. The fleet is simulated in as many parts as the machine has cores.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { missedBounds } from './bounds.ts'
import { runFleetPart } from './fleet.ts'
import { wordPhase } from './fleet-report.ts'
import { join } from './phase-result.ts'
import type { PhaseResult } from './phase-result.ts'

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
  },
})
const fleet = Number(values.processes)

if (process.send === undefined) await runAll(Number(values.jobs))
else await runPart(Number(values.first), Number(values.count))

async function runPart(first: number, count: number): Promise<void> {
  const results = await runFleetPart({ fleet, first, count }, { BasePoolManager })
  process.send?.(results, () => process.disconnect())
}

async function runAll(jobs: number): Promise<void> {
  const startedAtMs = performance.now()
  const { makePlainCopy } = await import('../plain-copy.ts')
  const copy = makePlainCopy()
  const runner = copy.path('test/simulation/fleet/main.ts')
  const running = Array.from({ length: jobs }, (_, job) => part(runner, job, jobs))
  const parts = await Promise.all(running).finally(() => copy.remove())
  const results = parts.reduce((sum, each) => sum.map((result, index) => joined(result, each[index])))
  for (const result of results) console.log(wordPhase(result))
  const missed = results.flatMap(missedBounds)
  for (const text of missed) console.log(`MISSED: ${text}`)
  console.log(`${missed.length} bounds missed; ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s`)
  process.exitCode = missed.length === 0 ? 0 : 1
}

function joined(one: PhaseResult, other: PhaseResult | undefined): PhaseResult {
  return other === undefined ? one : join(one, other)
}

function part(runner: string, job: number, jobs: number): Promise<readonly PhaseResult[]> {
  const first = Math.floor((job * fleet) / jobs)
  const count = Math.floor(((job + 1) * fleet) / jobs) - first
  const options = ['--processes', String(fleet), '--first', String(first), '--count', String(count)]
  return new Promise((resolve, reject) => {
    let results: readonly PhaseResult[] = []
    const child = fork(runner, options, { execArgv: [] })
    child.on('message', (message: readonly PhaseResult[]) => {
      results = message
    })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve(results) : reject(new Error(`a part ended with ${String(code)}`))))
  })
}
