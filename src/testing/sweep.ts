import type { ProcessRecord } from './processes.ts'

/**
 * Ends every server below the folders and removes the folders, now and synchronously: for when nobody can wait any more.
 *
 * A killed server leaves its System V segment behind, the one with which it makes sure to be alone in its folder.
 * Runs inside the guardian too: this function may use nothing but its arguments and node's built-in modules.
 */
export function sweep(folders: readonly string[], list: (folder: string) => ProcessRecord[], timeoutMs: number): void {
  const fs = process.getBuiltinModule('node:fs')
  const { execFileSync } = process.getBuiltinModule('node:child_process')
  const pause = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const segments = new Set<string>()
  const noteSegments = (below: string, depth: number): void => {
    try {
      const line = fs.readFileSync(`${below}/postmaster.pid`, 'utf8').split('\n')[6]
      const id = /^\s*\d+\s+(\d+)/.exec(line ?? '')?.[1]
      if (id !== undefined) segments.add(id)
    } catch {
      if (depth === 0) return
      try {
        for (const entry of fs.readdirSync(below)) noteSegments(`${below}/${entry}`, depth - 1)
      } catch {
        // Not a folder, or gone.
      }
    }
  }
  const end = Date.now() + timeoutMs
  for (let quiet = 0; quiet < 2 && Date.now() < end;) {
    for (const folder of folders) noteSegments(folder, 1)
    const running = folders.flatMap((folder) => list(folder))
    quiet = running.length === 0 ? quiet + 1 : 0
    for (const { pid } of running) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }
    if (running.length === 0 && !folders.some((folder) => fs.existsSync(folder))) break
    pause(5)
  }
  for (const id of segments) {
    try {
      execFileSync('ipcrm', ['-m', id], { stdio: 'ignore' })
    } catch {
      // Removed already, or there is no ipcrm: 56 bytes of kernel memory until the next boot.
    }
  }
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true })
      return
    } catch {
      pause(20)
    }
  }
}
