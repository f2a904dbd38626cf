import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PgCluster } from '../../src/testing/index.ts'

/** A program takes this long at most to end by itself when it is done. */
const LIMIT_MS = 60_000

/**
 * Runs `application.mjs`, however it was packed, on a real cluster whose master is killed when it is ready. Resolves when
 * it has done everything and ended by itself; rejects with what went wrong.
 */
export async function liveThroughFailover(command: string, args: readonly string[], cwd: string): Promise<void> {
  await using cluster = await PgCluster.start({ replicas: 2 })
  const env = { ...process.env, HASQL_DSN: cluster.dsn }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => {
    console.log(`It did not end by itself within ${LIMIT_MS / 1_000} s.`)
    child.kill('SIGKILL')
  }, LIMIT_MS)
  try {
    const said = await follow(child, async () => {
      await (await cluster.master()).kill()
      await cluster.failover()
    })
    if (!said.includes('done')) throw new Error(said.join('\n'))
  } finally {
    clearTimeout(timer)
  }
}

/** Everything that a program says; rejects when it fails, or when what is done once it is ready does. */
async function follow(child: ChildProcess, whenReady: () => Promise<void>): Promise<readonly string[]> {
  const said: string[] = []
  let ready: Promise<void> = Promise.resolve()
  for (const input of [child.stdout, child.stderr]) {
    if (input === null) continue
    createInterface({ input }).on('line', (line) => {
      said.push(line)
      if (line === 'ready') ready = whenReady()
      ready.catch(() => child.kill('SIGKILL'))
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve)
  })
  await ready
  if (code !== 0) throw new Error([`exit code ${String(code)}`, ...said].join('\n'))
  return said
}
