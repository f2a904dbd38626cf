import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PgClusterError } from './pg-cluster-error.ts'
import { serverEnvironment } from './run-command.ts'
import type { ServerUser } from './server-user.ts'
import { until } from './waiting.ts'

/** What it takes to run a server in a data folder. */
export interface ServerPlace {
  readonly name: string
  readonly binaries: string
  readonly dataFolder: string
  readonly logFile: string
  /** Where its socket lies, and its working folder. */
  readonly runFolder: string
  readonly user: ServerUser | undefined
}

/** One life of a server: from its start until its process has ended. */
export class Postmaster {
  readonly pid: number
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
  readonly #place: ServerPlace
  #running = true

  private constructor(place: ServerPlace, child: ChildProcess, pid: number) {
    this.#place = place
    this.pid = pid
    this.ended = new Promise((resolve) => {
      child.on('exit', () => {
        this.#running = false
        resolve()
      })
    })
    child.unref()
  }

  /** Starts a server and waits until it accepts connections. */
  static async launch(place: ServerPlace, timeoutMs: number): Promise<Postmaster> {
    const log = openSync(place.logFile, 'a', 0o600)
    const child = spawn(join(place.binaries, 'bin', 'postgres'), ['-D', place.dataFolder], {
      cwd: place.runFolder,
      detached: true,
      env: serverEnvironment(),
      stdio: ['ignore', log, log],
      ...place.user,
    })
    closeSync(log)
    child.on('error', () => undefined)
    if (child.pid === undefined) throw new PgClusterError('ERR_HASQL_TESTING_START', `${place.name} did not start`)
    const postmaster = new Postmaster(place, child, child.pid)
    await until(`${place.name} accepts connections`, timeoutMs, () => postmaster.#isReady())
    return postmaster
  }

  get running(): boolean {
    return this.#running
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#running) return
    try {
      process.kill(this.pid, signal)
    } catch {
      // It ended, and the event is on its way.
    }
  }

  /** Waits for the end while keeping our own process alive. */
  async waitUntilEnded(timeoutMs: number): Promise<void> {
    await until(`${this.#place.name} has stopped`, timeoutMs, () => (this.#running ? undefined : true), 5)
    await this.ended
  }

  #isReady(): true | undefined {
    if (!this.#running) {
      const tail = readFileSync(this.#place.logFile, 'utf8').trim().split('\n').slice(-8).join('\n')
      throw new PgClusterError('ERR_HASQL_TESTING_START', `${this.#place.name} ended while starting. Its log:\n${tail}`)
    }
    try {
      const lines = readFileSync(join(this.#place.dataFolder, 'postmaster.pid'), 'utf8').split('\n')
      // A killed server leaves its file behind; the new one rewrites it.
      return Number(lines[0]) === this.pid && /^(ready|standby)/.test(lines[7] ?? '') ? true : undefined
    } catch {
      return undefined
    }
  }
}
