/**
 * `npm run simulate -- --seed 42` shows one run; `npm run simulate -- --seeds 100000 [--from 1] [--jobs 2]` runs many,
 * in as many processes as the machine has cores.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import { wordFailure } from './report.ts'
import { runSeed } from './run-seed.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})
const subject = { BasePoolManager }
const PROGRESS_EVERY = 500

/** What a process that runs a part of the seeds tells the one that started it. */
interface Progress {
  readonly done: number
  readonly failed: readonly number[]
}

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
  let progress: Progress = { done: 0, failed: [] }
  for (let seed = from; seed < until; seed += step) {
    const { violation } = await runSeed(seed, subject)
    progress = {
      done: progress.done + 1,
      failed: violation === undefined ? progress.failed : [...progress.failed, seed],
    }
    if (progress.done % PROGRESS_EVERY === 0 || violation !== undefined) process.send?.(progress)
  }
  process.send?.(progress)
  process.disconnect()
}

async function runMany(seeds: number, from: number, jobs: number): Promise<void> {
  const startedAtMs = performance.now()
  const parts = new Map<number, Progress>()
  const summary = (): string => {
    const done = [...parts.values()].reduce((sum, part) => sum + part.done, 0)
    const failed = [...parts.values()].flatMap((part) => part.failed)
    const rate = done / ((performance.now() - startedAtMs) / 1_000)
    return `${done} of ${seeds} seeds, ${rate.toFixed(0)} a second, ${failed.length} failed${failed.length > 0 ? `: ${failed.slice(0, 20).join(' ')}` : ''}`
  }
  const timer = setInterval(() => console.log(summary()), 5_000)
  const part = (job: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const range = ['--seeds', String(from + seeds), '--from', String(from + job), '--step', String(jobs)]
      const child = fork(fileURLToPath(import.meta.url), range)
      child.on('message', (message: Progress) => parts.set(job, message))
      child.on('error', reject)
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${String(code)}`))))
    })
  await Promise.all(Array.from({ length: jobs }, (_, job) => part(job)))
  clearInterval(timer)
  console.log(summary())
  const failed = [...parts.values()].flatMap((each) => each.failed).sort((one, other) => one - other)
  for (const seed of failed.slice(0, 5)) {
    console.log(wordFailure(await runSeed(seed, subject, seed === failed[0])))
  }
  process.exitCode = failed.length === 0 ? 0 : 1
}
