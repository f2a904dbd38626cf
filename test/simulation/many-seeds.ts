import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from './bundle.ts'
import type { Outcome, Subject } from './run-seed.ts'
import { runSeed } from './run-seed.ts'
import { addUp } from './tally.ts'
import type { FaultTally } from './tally.ts'

/** Seeds from `from` on, every `step`th one, below `until`. */
export interface Range {
  readonly from: number
  readonly until: number
  readonly step: number
}

/** What came of many runs. */
export interface Result {
  readonly done: number
  readonly failed: readonly number[]
  readonly faults: FaultTally
  readonly writes: Outcome['writes']
  readonly tokens: Outcome['tokens']
}

const NOTHING: Result = {
  done: 0,
  failed: [],
  faults: new Map(),
  writes: { kept: 0, lost: 0, again: 0 },
  tokens: { onReplica: 0, onMaster: 0, refused: 0 },
}
const PROGRESS_EVERY = 250

/** Runs a range of seeds in this process. */
export async function runRange(range: Range, subject: Subject, onProgress: (soFar: Result) => void): Promise<void> {
  let result = NOTHING
  for (let seed = range.from; seed < range.until; seed += range.step) {
    const { violation, faults, writes, tokens } = await runSeed(seed, subject)
    const failed = violation === undefined ? [] : [seed]
    result = sum([result, { done: 1, failed, faults, writes, tokens }])
    if (result.done % PROGRESS_EVERY === 0 || violation !== undefined) onProgress(result)
  }
  onProgress(result)
}

/**
 * Runs seeds in several processes at once, each with its share, and resolves with the sum. The processes are plain Node:
 * nothing that watches the one that starts them, as the measuring of coverage does, slows them down.
 */
export async function runInProcesses(
  { from, until }: Omit<Range, 'step'>,
  jobs: number,
  onProgress: (soFar: Result) => void = () => undefined,
): Promise<Result> {
  const parts = new Map<number, Result>()
  const folder = mkdtempSync(join(tmpdir(), 'hasql-simulation-'))
  const runner = join(folder, 'simulate.mjs')
  const run = (job: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const range = ['--seeds', String(until), '--from', String(from + job), '--step', String(jobs)]
      const child = fork(runner, range, { execArgv: ['--max-semi-space-size=32'], serialization: 'advanced' })
      child.on('message', (result: Result) => {
        parts.set(job, result)
        onProgress(sum(parts.values()))
      })
      child.on('error', reject)
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${String(code)}`))))
    })
  try {
    await bundle('test/simulation/simulate.ts', runner)
    await Promise.all(Array.from({ length: jobs }, (_, job) => run(job)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return sum(parts.values())
}

function sum(results: Iterable<Result>): Result {
  const all = [...results]
  return {
    done: all.reduce((total, { done }) => total + done, 0),
    failed: all.flatMap(({ failed }) => failed).sort((one, other) => one - other),
    faults: addUp(all.map(({ faults }) => faults)),
    writes: {
      kept: all.reduce((total, { writes }) => total + writes.kept, 0),
      lost: all.reduce((total, { writes }) => total + writes.lost, 0),
      again: all.reduce((total, { writes }) => total + writes.again, 0),
    },
    tokens: {
      onReplica: all.reduce((total, { tokens }) => total + tokens.onReplica, 0),
      onMaster: all.reduce((total, { tokens }) => total + tokens.onMaster, 0),
      refused: all.reduce((total, { tokens }) => total + tokens.refused, 0),
    },
  }
}
