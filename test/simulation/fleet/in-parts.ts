import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../bundle.ts'
import type { Change } from '../bundle.ts'
import { joinAll } from './phase-result.ts'
import type { PhaseResult } from './phase-result.ts'

/** What a fleet without limits does: every caller who waits has a connection made, and a new master's pool is filled at once. */
export const NAIVE: readonly Change[] = [
  { file: 'pool/supply.ts', edits: [['export const MAX_CONNECTING = 2', 'export const MAX_CONNECTING = 65_536']] },
  { file: 'pool/growth.ts', edits: [['if (size === 0 ||', 'if (true ||']] },
  { file: 'manager/pool-warmer.ts', edits: [['const WARM_GAP_MS = 5_000', 'const WARM_GAP_MS = 0']] },
]

/** Runs the first phases of a fleet in several processes at once, each with its part of it, and puts the results together. */
export async function runInParts(
  fleet: number,
  jobs: number,
  phases: number,
  changes: readonly Change[] = [],
): Promise<readonly PhaseResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hasql-fleet-'))
  const runner = join(folder, 'main.mjs')
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  await bundle('test/simulation/fleet/main.ts', runner, changes)
  const parts = Array.from({ length: jobs }, (_, job) => {
    const first = Math.floor((job * fleet) / jobs)
    const count = Math.floor(((job + 1) * fleet) / jobs) - first
    const options = { processes: fleet, first, count, phases }
    return runPart(
      runner,
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    )
  })
  const results = await Promise.all(parts).finally(remove)
  return results.reduce(joinAll)
}

function runPart(runner: string, options: readonly string[]): Promise<readonly PhaseResult[]> {
  return new Promise((resolve, reject) => {
    let results: readonly PhaseResult[] = []
    const child = fork(runner, options, { execArgv: ['--max-semi-space-size=64'] })
    child.on('message', (message: readonly PhaseResult[]) => {
      results = message
    })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve(results) : reject(new Error(`a part ended with ${String(code)}`))))
  })
}
