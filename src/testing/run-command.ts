import { spawn } from 'node:child_process'
import type { ServerUser } from './server-user.ts'

/** How a command is run. */
export interface CommandOptions {
  readonly cwd: string
  readonly user: ServerUser | undefined
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** What a command left; `code` is `undefined` when it could not be started or was ended by a signal. */
export interface CommandResult {
  readonly code: number | undefined
  readonly output: string
}

/** Only what a server needs: settings of the surroundings (`PGDATA`, `LC_…`, `NODE_OPTIONS`) shall not change it. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

/** Runs a command to its end; never rejects. */
export function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      detached: true,
      env: { ...serverEnvironment(), ...options.env },
      stdio: 'pipe',
      ...options.user,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    }
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    child.on('error', (error) => {
      resolve({ code: undefined, output: error.message })
    })
    child.on('close', (code) => {
      resolve({ code: code ?? undefined, output })
    })
  })
}
