import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { processesUnder } from './processes.ts'
import type { ProcessRecord } from './processes.ts'
import { sweep } from './sweep.ts'

/**
 * What the guardian process runs: wait until the other end of standard input is gone, however it went, then sweep.
 * This function may use nothing but its arguments and node's built-in modules.
 */
function guard(clean: typeof sweep, list: (folder: string) => ProcessRecord[]): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
  const finish = (): void => {
    clean((process.env['HASQL_TESTING_FOLDERS'] ?? '').split(':').filter(Boolean), list, 20_000)
    process.exit(0)
  }
  process.stdin.on('end', finish).on('error', finish).resume()
}

/**
 * A helper process that outlives this one for a moment, and leaves nothing of the folders when this one ends without
 * having closed its clusters: by `process.exit`, by a crash, by SIGKILL.
 *
 * It is plain JavaScript given on the command line, so that it runs from a built package, from a TypeScript loader and
 * from a test runner alike; loaders that keep function names call a helper `__name`.
 */
export class Guardian {
  readonly #process: ChildProcess

  constructor(folders: readonly string[]) {
    const script = `const __name = (value) => value; (${guard.toString()})(${sweep.toString()}, ${processesUnder.toString()})`
    this.#process = spawn(process.execPath, ['-e', script], {
      cwd: '/',
      detached: true,
      env: { PATH: process.env['PATH'], HASQL_TESTING_FOLDERS: folders.join(':') },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#process.on('error', () => undefined)
    this.#process.stdin?.on('error', () => undefined)
    this.#process.unref()
    if (this.#process.stdin instanceof Socket) this.#process.stdin.unref()
  }

  /** Sends it off; resolves when it is gone. */
  async dismiss(): Promise<void> {
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.ref()
    this.#process.stdin?.end()
    await gone
  }
}
