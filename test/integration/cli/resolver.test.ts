import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PgCluster } from 'hasql/testing'
import { run } from '../../../src/cli/run.ts'
import type { StatusReport } from '../../../src/cli/report.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { NameServer } from '../../support/name-server.ts'

let cluster: PgCluster
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
})
afterAll(async () => {
  await cluster.close()
})

interface Called {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly tookMs: number
}

const rolesIn = (out: string): readonly string[] => (JSON.parse(out) as StatusReport).hosts.map(({ role }) => role)

describe('a resolver that never answers', () => {
  // What loading the commands takes is not the hosts' time.
  beforeAll(async () => {
    for (const command of ['status', 'check']) await run([command, 'host=127.0.0.1 port=1 user=app'], new FakeIo())
  })

  /** The names of the master, of the replica, and two of which nothing is ever heard. */
  const NAMES = ['lost1.test', 'lost2.test', 'master.test', 'replica.test'] as const

  function dsnOf(...names: readonly (typeof NAMES)[number][]): string {
    const port = (name: string): number => cluster.nodes[name === 'replica.test' ? 1 : 0]?.port ?? 0
    return cluster.dsnOf(...names.map((host) => ({ host, port: port(host) })))
  }

  function fakeIo(): FakeIo {
    const server = new NameServer()
    for (const name of NAMES) server.set(name, name.startsWith('lost') ? 'hangs' : ['127.0.0.1'])
    const io = new FakeIo()
    io.lookup = server.lookup
    return io
  }

  async function hasql(...args: readonly string[]): Promise<Called> {
    const io = fakeIo()
    const startMs = performance.now()
    const code = await run(args, io)
    return { code, out: io.out.text, err: io.err.text, tookMs: performance.now() - startMs }
  }

  test('status answers in time, and knows the hosts whose names it knows', async () => {
    const called = await hasql('status', dsnOf(...NAMES), '--json', '--connect-timeout', '3s')
    expect(called.tookMs).toBeLessThanOrEqual(3_000)
    expect(rolesIn(called.out)).toEqual(['unreachable', 'unreachable', 'master', 'replica'])
    expect(called.out).toContain("is unreachable (The resolver gave no address for 'lost1.test' within 1500 ms")
    expect(called.code).toBe(6)
  })

  test('status answers in time when it knows none', async () => {
    const called = await hasql('status', dsnOf('lost1.test', 'lost2.test'), '--json')
    expect(called.tookMs).toBeLessThanOrEqual(3_000)
    expect(rolesIn(called.out)).toEqual(['unreachable', 'unreachable'])
    expect(called.code).toBe(3)
  })

  test('check says at which step, and what to do', async () => {
    const called = await hasql('check', dsnOf(...NAMES), '--connect-timeout', '1500ms')
    expect(called.tookMs).toBeLessThanOrEqual(1_500)
    // All that is left of the limit for one host, 85 % of 1,500 ms, when its turn comes: never more, and it is all waited for.
    const lost = [...called.out.matchAll(/ {2}look-up +FAIL +(\d\.\d) s {2}no answer within (\d+) ms/g)]
    expect(lost).toHaveLength(2)
    for (const [, seconds, limitMs] of lost) {
      expect(Number(limitMs)).toBeLessThanOrEqual(1_275)
      expect(Number(seconds)).toBeGreaterThanOrEqual(Math.floor(Number(limitMs) / 100) / 10)
      expect(Number(limitMs)).toBeGreaterThan(1_000)
    }
    expect(called.out.match(/ {2}role +ok /g)).toHaveLength(2)
    expect(called.out).toMatch(/lost1\.test:\d+, lost2\.test:\d+: The resolver does not answer in time: check the DNS/)
    expect(called.code).toBe(6)
  })

  test('wait keeps to its timeout', async () => {
    const called = await hasql('wait', dsnOf('lost1.test', 'replica.test'), '--timeout', '700ms')
    expect(called.tookMs).toBeLessThanOrEqual(1_000)
    expect(called.code).toBe(3)
  })

  test('watch ends when it is told', async () => {
    const io = fakeIo()
    const watching = run(['watch', dsnOf(...NAMES)], io)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const startMs = performance.now()
    io.stop()
    expect(await watching).toBe(130)
    expect(performance.now() - startMs).toBeLessThan(200)
  })
})

const [UNSHARE, ...IN_NAMESPACES] = ['unshare', '-n', '-m', '-p', '-f', '--mount-proc'] as const

function canUseNamespaces(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync(UNSHARE, [...IN_NAMESPACES, 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A name server that hears and says nothing, beside which a program is run; then it tells how that went, and what still runs. */
const SILENT_SERVER = `
const [{ createSocket }, { spawn }, fs] = [require('node:dgram'), require('node:child_process'), require('node:fs')]
const server = createSocket('udp4')
let [asked, out, err] = [0, '', '']
server.on('message', () => (asked += 1)).bind(53, '127.0.0.53', () => {
  const startMs = performance.now()
  const child = spawn(process.execPath, process.argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (part) => (out += part))
  child.stderr.on('data', (part) => (err += part))
  child.on('close', (code) => {
    const tookMs = performance.now() - startMs
    server.close()
    const isAlive = (pid) => /^[0-9]+$/.test(pid) && pid !== '1' && !fs.readFileSync('/proc/' + pid + '/stat', 'utf8').includes(') Z ')
    setTimeout(() => console.log(JSON.stringify({ code, out, err, tookMs, asked, left: fs.readdirSync('/proc').filter(isAlive).length })), 50)
  })
})`

interface Ended extends Called {
  /** How many questions the name server was asked. */
  readonly asked: number
  /** How many processes were left. */
  readonly left: number
}

describe.skipIf(!canUseNamespaces())('the program beside a name server that never answers', () => {
  let settings: string
  beforeAll(() => {
    settings = join(mkdtempSync(join(tmpdir(), 'hasql-resolver-')), 'resolv.conf')
    writeFileSync(settings, 'nameserver 127.0.0.53\noptions timeout:30 attempts:1\n')
  })
  afterAll(() => rmSync(dirname(settings), { recursive: true }))

  async function hasql(...args: readonly string[]): Promise<Ended> {
    const script = 'mount --bind "$0" /etc/resolv.conf && ip link set lo up && exec "$@"'
    const program = [process.execPath, '-e', SILENT_SERVER, '--', '--import', 'tsx', 'src/cli/main.ts', ...args]
    const words = [...IN_NAMESPACES, 'sh', '-c', script, settings, ...program]
    const env = { ...process.env, PGPASSWORD: new URL(cluster.dsnOf(...cluster.nodes.slice(0, 1))).password }
    const { stdout } = await promisify(execFile)(UNSHARE, words, { env })
    return JSON.parse(stdout) as Ended
  }

  test('every command ends in time, whatever its look-ups do, and leaves no process', async () => {
    const [row] =
      (await cluster.nodes[0]?.query<{ folder: string }>(
        "select current_setting('unix_socket_directories') as folder",
      )) ?? []
    const { port = 0 } = cluster.nodes[0] ?? {}
    // What is outside of the network namespace is reached by a socket of the file system.
    const dsn = `host=${row?.folder ?? ''},localhost,lost1.test port=${port} user=${cluster.user} dbname=${cluster.database}`
    const status = await hasql('status', dsn, '--json', '--connect-timeout', '5s')
    expect(rolesIn(status.out)).toEqual(['master', 'unreachable', 'unreachable'])
    expect(status.out).toContain('connect ECONNREFUSED 127.0.0.1')
    const wait = await hasql('wait', dsn, '--replicas', '1', '--timeout', '1s')
    const check = await hasql('check', dsn, '--connect-timeout', '2s')
    expect(check.out).toMatch(/look-up +FAIL .*\n\nWhat to do[^]*lost1\.test:\d+: The resolver does not answer in time/)

    for (const { code, asked, left, err, tookMs } of [status, wait, check]) {
      expect([code, left], err).toEqual([6, 0])
      expect(asked).toBeGreaterThan(0)
      // Of the resolver's 30 s; the start of the program on a busy machine takes most of it.
      expect(tookMs).toBeLessThan(15_000)
    }
  })
})
