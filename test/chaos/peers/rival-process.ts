import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { READERS, WRITERS } from './rival.ts'
import type { Done, Target, Told } from './rival.ts'

const APPLICATION = new URL('./application.ts', import.meta.url)
/** An operation that hangs in libpq holds a thread. */
const THREADS = 4 * (WRITERS + READERS)

/** A rival at work in a process of its own: what it does to its process is part of the comparison. */
export class RivalProcess {
  readonly name: string
  readonly done: Done[] = []
  /** Operations that had been waiting for long when it was told to stop. */
  hanging = 0
  /** Whether its process ended by itself. */
  died = false
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #isEnding = false
  #stopped: () => void = () => undefined

  private constructor(name: string, target: Target) {
    this.name = name
    this.#child = fork(APPLICATION, [name, JSON.stringify(target)], {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
      // What a library complains of is not what is compared.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#exited = once(this.#child, 'exit')
    this.#child.on('message', (told: Told) => {
      if (told.kind === 'done') this.done.push(...told.done)
      if (told.kind !== 'stopped') return
      this.hanging = told.hanging
      this.#stopped()
    })
    this.#child.on('exit', () => {
      this.died = !this.#isEnding
      this.#stopped()
    })
  }

  static async start(name: string, target: Target): Promise<RivalProcess> {
    const rival = new RivalProcess(name, target)
    await once(rival.#child, 'message')
    return rival
  }

  /** Has it end its loops and tell what is still under way. */
  async stop(): Promise<void> {
    if (this.died) return
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve))
    this.#child.send('stop')
    await stopped
  }

  /** Kills it: what hangs would never end. */
  async end(): Promise<void> {
    this.#isEnding = true
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
