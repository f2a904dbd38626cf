import { spawn } from '@lydell/node-pty'
import type { IPty } from '@lydell/node-pty'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PgCluster } from 'hasql/testing'
import { eventually } from '../../support/eventually.ts'

const CANARY = 'canary-4f:1@b/z'
/** What steers a terminal. */
const CONTROL = /\p{Cc}\[[0-9;?]*[A-Za-z]/gu
const [ENTER, LEAVE] = ['\u001b[?1049h\u001b[?25l\u001b[?7l', '\u001b[?7h\u001b[?25h\u001b[?1049l']

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1, password: CANARY })
})
afterAll(async () => {
  await cluster.close()
})

/** Tells how the command ended and how the terminal is, and stays until that was read: an end cuts off what was not. */
const STAGE = ['sh', '-c', 'trap : TERM; "$@"; echo "ended with $?"; stty -a; echo over; trap - TERM; read -r _', 'sh']
const ENDED = /ended with (\d+)\r\n([^]*)over\r\n$/

/** A command under a pseudo-terminal of 80 columns; what `before` loads is loaded before it. */
class Session {
  /** What the command has written. */
  text = ''
  /** How it left the terminal. */
  terminal = ''
  #isOver = false
  readonly #pty: IPty

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    before: readonly string[] = [],
  ) {
    const { NO_COLOR: _none, ...inherited } = process.env
    const env = { ...inherited, TERM: 'xterm-256color', DSN: cluster.dsn, ...environment }
    const imports = ['tsx', ...before].flatMap((name) => ['--import', name])
    const [file = '', ...words] = [...STAGE, process.execPath, ...imports, 'src/cli/main.ts', ...args]
    this.#pty = spawn(file, words, { cols: 80, rows: 24, env })
    this.#pty.onData((data) => (this.text += data))
    this.#pty.onExit(() => (this.#isOver = true))
  }

  type(keys: string): void {
    this.#pty.write(keys)
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(-this.#pty.pid, signal)
  }

  async shows(what: string | RegExp): Promise<void> {
    await eventually(
      `the terminal shows ${String(what)}: ${JSON.stringify(this.text.slice(-2_000))}`,
      () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text)),
      30_000,
    )
  }

  async ends(): Promise<number> {
    await this.shows(ENDED)
    const [all, status, terminal = ''] = ENDED.exec(this.text) ?? ['']
    const text = this.text.slice(0, -all.length)
    this.type('\r')
    await eventually('the terminal is closed', () => this.#isOver, 20_000)
    this.text = text
    this.terminal = terminal
    return Number(status)
  }

  /** The lines it drew, without what steers the terminal. */
  get lines(): readonly string[] {
    return this.text.replaceAll(CONTROL, '').split(/[\r\n]+/)
  }
}

test('watch shows what happens within 80 columns, and q leaves the terminal as it was', async () => {
  const session = new Session(['watch', '--dsn-env', 'DSN', '--interval', '100ms'])
  const [master, replica] = cluster.nodes
  await session.shows(`master 127.0.0.1:${master?.port ?? 0}`)
  await session.shows(/replica .*0 B/)
  await replica?.stop('immediate')
  await session.shows(/out: is unreachable/)
  await session.shows(`127.0.0.1:${replica?.port ?? 0}  unreachable: `)
  await replica?.start()
  await session.shows(new RegExp(`unreachable: [^]*Z  127\\.0\\.0\\.1:${replica?.port ?? 0}  replica`))
  session.type('q')
  expect(await session.ends()).toBe(0)
  expect(session.text.startsWith(ENTER)).toBe(true)
  expect(session.text.endsWith(LEAVE)).toBe(true)
  expect(session.text).toContain('\u001b[32m')
  expect(session.lines.filter((line) => line.length > 80)).toEqual([])
  expect(session.text).not.toContain('canary')
})

test('Ctrl-C ends it, too; NO_COLOR is heeded', async () => {
  const session = new Session(['watch', '--dsn-env', 'DSN'], { NO_COLOR: '1' })
  await session.shows('q quits')
  session.type('\u0003')
  expect(await session.ends()).toBe(130)
  expect(session.text.endsWith(LEAVE)).toBe(true)
  expect(session.text).not.toMatch(/\p{Cc}\[[0-9;]*m/u)
})

test('a signal ends it like Ctrl-C', async () => {
  const session = new Session(['watch', '--dsn-env', 'DSN'])
  await session.shows('q quits')
  session.kill('SIGTERM')
  expect(await session.ends()).toBe(130)
  expect(session.text.endsWith(LEAVE)).toBe(true)
})

test.each([
  ['an error that nobody catches', 'x'],
  ['a rejection that nobody awaits', 'r'],
])('%s leaves the terminal as it was, and is told there', async (_what, key) => {
  const before = ['./test/support/crash-on-key.ts']
  const session = new Session(['watch', '--dsn-env', 'DSN'], {}, before)
  await session.shows(/master 127.*q quits/s)
  session.type(key)
  expect(await session.ends()).toBe(1)
  expect(session.terminal).toMatch(/ icanon [^]* echo /)
  const afterwards = session.text.split(LEAVE)
  expect(afterwards).toHaveLength(2)
  expect(afterwards[1]).toMatch(/^hasql: Error: a bug at postgresql:\/\/app:\*\*\*@db1\/shop\r\n {2}at .*crash-on-key/)
  expect(session.text).not.toContain('canary')
})

test('the password that is typed is not shown', async () => {
  const session = new Session(['status', cluster.dsn.replace(/:[^@:]*@/, '@'), '-W'])
  await session.shows('Password for app: ')
  session.type(`${CANARY}\r`)
  expect(await session.ends()).toBe(0)
  expect(session.text).toMatch(/master/)
  for (const form of [CANARY, 'canary']) expect(session.text).not.toContain(form)
})
