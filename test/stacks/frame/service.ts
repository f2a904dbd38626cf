import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { ended, family, signal } from './processes.ts'

/** A program that runs on: etcd, an agent, a proxy. */
export class Service {
  readonly name: string
  readonly #child: ChildProcess
  readonly #log: string

  constructor(name: string, child: ChildProcess, log: string) {
    this.name = name
    this.#child = child
    this.#log = log
    // What cannot be started shows as a service that is not alive.
    child.on('error', () => undefined)
    child.unref()
  }

  get isAlive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Itself and its descendants, parents first. */
  pids(): readonly number[] {
    return this.#child.pid === undefined || !this.isAlive ? [] : family(this.#child.pid)
  }

  signal(name: NodeJS.Signals): void {
    if (this.isAlive && this.#child.pid !== undefined) signal([this.#child.pid], name)
  }

  /** Asks it to end, then kills what of its family is left. */
  async end(limitMs = 15_000): Promise<void> {
    const pids = this.pids()
    if (pids.length === 0) return
    signal([...pids].reverse(), 'SIGCONT')
    this.signal('SIGTERM')
    await ended(pids.slice(0, 1), limitMs).catch(() => undefined)
    signal(pids, 'SIGKILL')
    await ended(pids, 5_000)
  }

  /** The end of what it printed. */
  tail(lines = 15): string {
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .slice(-lines - 1)
      .join('\n')
  }
}
