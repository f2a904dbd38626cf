import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { givePort, takePort } from '../../../src/testing/ports.ts'
import { runCommand } from '../../../src/testing/run-command.ts'
import type { CommandResult } from '../../../src/testing/run-command.ts'
import type { ServerUser } from '../../../src/testing/server-user.ts'
import { Service } from './service.ts'

/**
 * What a sitting stands on: one temporary folder, the unprivileged user, ports, processes and the parts that stacks share.
 * After `close` nothing of it is left.
 */
export class Ground {
  readonly folder: string
  /** Whom everything runs as; undefined is ourselves. */
  readonly user: ServerUser | undefined
  readonly #ports: number[] = []
  readonly #services: Service[] = []
  readonly #stops: (() => Promise<void>)[] = []

  private constructor(folder: string, user: ServerUser | undefined) {
    this.folder = folder
    this.user = user
  }

  static async open(): Promise<Ground> {
    const user = await unprivileged()
    const folder = mkdtempSync(join(tmpdir(), 'hasql-stacks-'))
    const ground = new Ground(folder, user)
    ground.#give(folder)
    return ground
  }

  /** A free port of 127.0.0.1, ours until the end. */
  async port(): Promise<number> {
    const port = await takePort()
    this.#ports.push(port)
    return port
  }

  /** A new folder that belongs to the unprivileged user. */
  makeFolder(...names: readonly string[]): string {
    const path = join(this.folder, ...names)
    mkdirSync(path, { mode: 0o700 })
    this.#give(path)
    return path
  }

  /** Writes a file that belongs to the unprivileged user. */
  write(path: string, text: string, mode = 0o600): void {
    writeFileSync(path, text)
    chmodSync(path, mode)
    this.#give(path)
  }

  /** Runs a command to its end as the unprivileged user; never rejects. */
  run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
    return runCommand(file, args, { cwd: this.folder, user: this.user, env: { HOME: this.folder, ...env } })
  }

  /** Runs a command that must end well; resolves to its output. */
  async must(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, output } = await this.run(file, args, env)
    if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${output}`)
    return output
  }

  /** Starts a program that runs on, as the unprivileged user; what it prints goes to `<name>.log` in the ground's folder. */
  service(name: string, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Service {
    const log = join(this.folder, `${name}.log`)
    const output = openSync(log, 'a')
    try {
      const child = spawn(file, args, {
        cwd: this.folder,
        detached: true,
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC', HOME: this.folder, ...env },
        stdio: ['ignore', output, output],
        ...this.user,
      })
      const service = new Service(name, child, log)
      this.#services.push(service)
      return service
    } finally {
      closeSync(output)
    }
  }

  /** Has a part that several stacks stand on (for example one Patroni cluster behind every proxy) stopped with the ground. */
  onClose(stop: () => Promise<void>): void {
    this.#stops.push(stop)
  }

  /** Stops the parts, then every process that is left, and removes the folder, the ports and the memory segments. */
  async close(): Promise<void> {
    const stopped = await Promise.allSettled(
      this.#stops
        .splice(0)
        .reverse()
        .map((stop) => stop()),
    )
    for (const service of this.#services.reverse()) await service.end()
    await this.#removeSegments()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    for (const port of this.#ports.splice(0)) await givePort(port)
    for (const each of stopped) if (each.status === 'rejected') throw each.reason
  }

  #give(path: string): void {
    if (this.user !== undefined) chownSync(path, this.user.uid, this.user.gid)
  }

  /** A killed postmaster leaves its System V segment: its number is in `postmaster.pid`. */
  async #removeSegments(): Promise<void> {
    for (const entry of readdirSync(this.folder, { recursive: true, encoding: 'utf8' })) {
      if (!entry.endsWith('postmaster.pid')) continue
      const id = /^\s*\d+\s+(\d+)/.exec(readFileSync(join(this.folder, entry), 'utf8').split('\n')[6] ?? '')?.[1]
      if (id !== undefined) await runCommand('ipcrm', ['-m', id], { cwd: '/', user: undefined })
    }
  }
}

/** PostgreSQL and its managers refuse to run as root; the user that Debian's packages bring does it then. */
async function unprivileged(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const ids = await Promise.all(
    ['-u', '-g'].map((flag) => runCommand('id', [flag, 'postgres'], { cwd: '/', user: undefined })),
  )
  const [uid, gid] = ids.map(({ code, output }) => (code === 0 ? Number(output) : undefined))
  if (uid === undefined || gid === undefined) {
    throw new Error('There is no user "postgres" to run servers as; install it with: apt-get install postgresql-15')
  }
  return { uid, gid }
}
