import { spawn } from 'node:child_process'

const ROOT = new URL('../../', import.meta.url)

/** Runs a program of its own, with `PoolManager` and `dsn` at hand; it must end by itself. */
export async function runProgram(
  dsn: string,
  body: string,
  limitMs: number,
): Promise<{ readonly code: number | null; readonly out: string }> {
  const program = `import { PoolManager } from './src/drivers/pg.ts'; const dsn = process.env.TEST_DSN ?? ''; ${body}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: ROOT,
    env: { ...process.env, TEST_DSN: dsn },
  })
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (out += String(chunk)))
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  clearTimeout(timer)
  return { code, out }
}
