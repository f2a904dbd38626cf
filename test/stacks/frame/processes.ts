import { readFileSync, readdirSync } from 'node:fs'

interface Process {
  readonly pid: number
  readonly parent: number
  /** The kernel's letter: `T` is stopped, `Z` has ended. */
  readonly state: string
}

/** Every living process. */
function processes(): readonly Process[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return /^[ZX]/.test(state) ? [] : [{ pid: Number(entry), parent: Number(parent), state }]
    } catch {
      return [] // It ended while being read.
    }
  })
}

/** A process and its descendants, parents first; empty when it has ended. */
export function family(pid: number): readonly number[] {
  const all = processes()
  const found = all.filter((each) => each.pid === pid)
  for (const each of found) found.push(...all.filter(({ parent }) => parent === each.pid))
  return found.map((each) => each.pid)
}

/** The postmaster of a data folder and its descendants, parents first; empty when it is down. */
export function postmasterFamily(dataFolder: string): readonly number[] {
  let pid: number
  try {
    pid = Number(readFileSync(`${dataFolder}/postmaster.pid`, 'utf8').split('\n')[0])
    // A pid file that a killed postmaster left may name a process of somebody else.
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    if (!command.includes(dataFolder)) return []
  } catch {
    return []
  }
  return family(pid)
}

/** Sends a signal to each; those that have ended meanwhile are left out. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Stops all that `find` finds, children first, until nothing that runs turns up. */
export async function freeze(find: () => Promise<readonly number[]>): Promise<void> {
  for (let round = 0; round < 1_000; round += 1) {
    const pids = new Set(await find())
    const running = processes().filter(({ pid, state }) => pids.has(pid) && !/^[Tt]/.test(state))
    if (running.length === 0) return
    const order = [...pids].reverse()
    signal(
      order.filter((pid) => running.some((each) => each.pid === pid)),
      'SIGSTOP',
    )
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error('Processes went on running')
}

/** Resolves when none of the processes lives, or rejects after the limit. */
export async function ended(pids: readonly number[], limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const living = new Set(processes().map(({ pid }) => pid))
    const left = pids.filter((pid) => living.has(pid))
    if (left.length === 0) return
    if (performance.now() > endMs) throw new Error(`Not ended within ${limitMs} ms: processes ${left.join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** SIGKILL to processes, and to what they started; resolves when none is left. */
export async function kill(pids: readonly number[]): Promise<void> {
  signal(pids, 'SIGKILL')
  await ended(pids, 5_000)
}
