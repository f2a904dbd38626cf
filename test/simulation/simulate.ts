/**
 * `npm run simulate -- --seed 42` shows one run; `npm run simulate -- --seeds 100000 [--from 1] [--jobs 2]` runs many,
 * in as many processes as the machine has cores. `--faults` prints how often each fault met a busy manager.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import { runInProcesses, runRange } from './many-seeds.ts'
import type { Result } from './many-seeds.ts'
import { wordFailure, wordFaults } from './report.ts'
import { runSeed } from './run-seed.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    faults: { type: 'boolean', default: false },
  },
})
const subject = { BasePoolManager }

if (values.seed !== undefined) await showOne(Number(values.seed))
else if (process.send === undefined) await runMany(Number(values.seeds), Number(values.from), Number(values.jobs))
else await runPart(Number(values.seeds), Number(values.from), Number(values.step))

async function showOne(seed: number): Promise<void> {
  const outcome = await runSeed(seed, subject, true)
  console.log(outcome.trace.join('\n'))
  console.log(JSON.stringify(outcome.scenario, undefined, 2))
  console.log(wordFailure({ ...outcome, trace: [] }))
  process.exitCode = outcome.violation === undefined ? 0 : 1
}

async function runPart(until: number, from: number, step: number): Promise<void> {
  await runRange({ from, until, step }, subject, (soFar) => process.send?.(soFar))
  process.disconnect()
}

async function runMany(seeds: number, from: number, jobs: number): Promise<void> {
  const startedAtMs = performance.now()
  const word = ({ done, failed }: Result): string => {
    const rate = done / ((performance.now() - startedAtMs) / 1_000)
    const which = failed.length > 0 ? `: ${failed.slice(0, 20).join(' ')}` : ''
    return `${done} of ${seeds} seeds, ${rate.toFixed(0)} a second, ${failed.length} failed${which}`
  }
  let soFar = ''
  const timer = setInterval(() => console.log(soFar), 5_000)
  const result = await runInProcesses({ from, until: from + seeds }, jobs, (each) => {
    soFar = word(each)
  })
  clearInterval(timer)
  if (values.faults) console.log(wordFaults(result))
  console.log(word(result))
  for (const seed of result.failed.slice(0, 5)) {
    console.log(wordFailure(await runSeed(seed, subject, seed === result.failed[0])))
  }
  process.exitCode = result.failed.length === 0 ? 0 : 1
}
