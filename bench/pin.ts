import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Keeps a process, and the children it has from now on, on one core; false where the system has no `taskset`. */
export function pin(pid: number, core: number): boolean {
  if (availableParallelism() < 2) return false
  return spawnSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' }).status === 0
}
