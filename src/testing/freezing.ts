import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { processesUnder } from './processes.ts'
import type { ProcessRecord } from './processes.ts'
import { runCommand } from './run-command.ts'
import { until } from './waiting.ts'

const isStopped = (each: ProcessRecord): boolean => each.state === 'T' || each.state === 't'

function signalAll(list: readonly ProcessRecord[], signal: NodeJS.Signals): void {
  for (const { pid } of list) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Stops every process of the data folder: children first, then the postmaster, until nothing new turns up. */
export async function freezeAll(dataFolder: string): Promise<void> {
  await until(
    'every process of the node is frozen',
    10_000,
    () => {
      const running = processesUnder(dataFolder).filter((each) => !isStopped(each))
      signalAll(running.reverse(), 'SIGSTOP')
      return running.length === 0 ? true : undefined
    },
    2,
  )
}

/** Lets every process of the data folder go on. */
export function thawAll(dataFolder: string): void {
  signalAll(processesUnder(dataFolder), 'SIGCONT')
}

/** Kills every process of the data folder; resolves when none is left. */
export async function killAll(dataFolder: string): Promise<void> {
  await until(
    'every process of the node has ended',
    10_000,
    () => {
      const running = processesUnder(dataFolder)
      signalAll(running, 'SIGKILL')
      return running.length === 0 ? true : undefined
    },
    // Looking blocks this process, which may have something to measure meanwhile.
    20,
  )
}

/** Removes the System V segment of a server that was killed: the kernel would keep it until the next boot. */
export async function removeSegment(dataFolder: string, cwd: string): Promise<void> {
  let file: string
  try {
    file = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8')
  } catch {
    return // It shut down by itself, and removed it.
  }
  const id = /^\s*\d+\s+(\d+)/.exec(file.split('\n')[6] ?? '')?.[1]
  if (id !== undefined) await runCommand('ipcrm', ['-m', id], { cwd, user: undefined })
}
