import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FaultProxy, PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { run } from '../../../src/cli/run.ts'
import type { StatusReport } from '../../../src/cli/report.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { eventually } from '../../support/eventually.ts'
import { NameServer } from '../../support/name-server.ts'

const CANARY = 'canary-4f:1@b/z'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64'), 'canary']
/** What colours a text on a terminal. */
const SGR = /\p{Cc}\[[0-9;]*m/gu
const MAIN = ['--import', 'tsx', 'src/cli/main.ts']

const isValid = new Ajv({
  allErrors: true,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/ },
}).compile<StatusReport>(JSON.parse(readFileSync('docs/status.schema.json', 'utf8')) as object)

let cluster: PgCluster
let silent: FaultProxy
let nodes: readonly [PgNode, PgNode, PgNode]
const folder = mkdtempSync(join(tmpdir(), 'hasql-cli-'))
const caFile = join(folder, 'ca.pem')
/** Everything that any command has written. */
const said: string[] = []

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 2, password: CANARY, ssl: true })
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes are expected')
  nodes = [one, two, three]
  silent = await FaultProxy.start({ target: two })
  silent.silent()
  writeFileSync(caFile, cluster.caCertificate ?? '')
})
afterAll(async () => {
  await silent.close()
  await cluster.close()
  rmSync(folder, { recursive: true })
})

interface Called {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly tookMs: number
}

async function hasql(args: readonly string[], io: FakeIo = new FakeIo()): Promise<Called> {
  const startMs = performance.now()
  const code = await run(args, io)
  const tookMs = performance.now() - startMs
  said.push(io.out.text, io.err.text)
  return { code, out: io.out.text, err: io.err.text, tookMs }
}

async function statusOf(dsn: string, ...args: string[]): Promise<Called & { readonly report: StatusReport }> {
  const called = await hasql(['status', dsn, '--json', ...args])
  const report: unknown = JSON.parse(called.out)
  if (!isValid(report)) throw new Error(JSON.stringify(isValid.errors))
  expect(report.exitCode).toBe(called.code)
  return { ...called, report }
}

const roles = ({ hosts }: StatusReport): readonly string[] => hosts.map(({ role }) => role)
/** A port that nobody listens on. */
const nobody = { host: '127.0.0.1', port: 1 }

describe('status', () => {
  test('a sound cluster: all there is to know, and 0', async () => {
    const { code, report } = await statusOf(cluster.dsn)
    expect([code, report.ok, report.problems]).toEqual([0, true, []])
    expect(roles(report)).toEqual(['master', 'replica', 'replica'])
    for (const host of report.hosts) {
      expect(host).toMatchObject({ inUse: true, timeline: 1 })
      expect(host.serverVersion).toMatch(new RegExp(`^${cluster.version}\\.`))
      expect(host.responseTimeMs).toBeGreaterThan(0)
    }
    const { out } = await hasql(['status', cluster.dsn])
    expect(out).toContain('HOST')
    expect(out).toContain(`127.0.0.1:${nodes[0].port}  master`)
    expect(out).toContain('in: is the master')
    expect(out).not.toContain('\u001b')
  })

  test('within 80 columns on a terminal, in colours', async () => {
    const io = new FakeIo({}, { columns: 80 })
    const { out } = await hasql(['status', cluster.dsnOf(nodes[0], nobody)], io)
    expect(out).toContain('\u001b[')
    const lines = out.replaceAll(SGR, '').split('\n')
    expect(lines.slice(0, -3).filter((line) => line.length > 80)).toEqual([])
    expect(lines.join('\n')).toMatch(/\n {2}out: is unreachable \(connect ECONNREFUSED/)
  })

  test('a terminal that does not know its size is taken for one of 80 columns', async () => {
    const { out } = await hasql(['status', cluster.dsn], new FakeIo({ NO_COLOR: '1' }, { columns: 0 }))
    expect(out).toContain(`127.0.0.1:${nodes[2].port}  replica`)
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)
  })

  test('the lag of a replica whose replay stands still', async () => {
    await nodes[1].pauseReplay()
    await nodes[0].query('create table filler as select generate_series(1, 10000)')
    const { report } = await statusOf(cluster.dsn)
    expect(report.hosts[1]?.lagBytes).toBeGreaterThan(100_000)
    await nodes[1].resumeReplay()
    await nodes[0].query('drop table filler')
  })

  // Of hosts in every state: what it answers, and that it does so in time.
  test.each([
    ['refused', () => cluster.dsnOf(nodes[0], nodes[2], nobody), ['host-out'], 6],
    ['silent', () => cluster.dsnOf(nodes[0], nodes[2], silent), ['host-out'], 6],
    ['no master', () => cluster.dsnOf(nodes[1], nodes[2]), ['no-master'], 3],
    ['no replica', () => cluster.dsnOf(nodes[0], nobody), ['no-replica', 'host-out'], 6],
    ['nobody', () => cluster.dsnOf(silent, nobody), ['no-master', 'no-replica', 'host-out'], 3],
    ['one host alone', () => cluster.dsnOf(nodes[0]), [], 0],
    [
      'password',
      () => cluster.dsn.replace('canary', 'wrong'),
      ['access-refused', 'no-master', 'no-replica', 'host-out'],
      7,
    ],
    ['database', () => `${cluster.dsn}-nowhere`, ['access-refused', 'no-master', 'no-replica', 'host-out'], 7],
  ])('%s', async (_name, dsn, problems, code) => {
    const called = await statusOf(dsn(), '--connect-timeout', '1500ms')
    expect(called.report.problems).toEqual(problems)
    expect(called.code).toBe(code)
    expect(called.tookMs).toBeLessThanOrEqual(1_500)
  })

  test('frozen hosts do not hold it up', async () => {
    await Promise.all([nodes[0].freeze(), nodes[1].freeze()])
    const called = await statusOf(cluster.dsn, '--connect-timeout', '1s')
    nodes[0].thaw()
    nodes[1].thaw()
    expect(called.tookMs).toBeLessThanOrEqual(1_000)
    expect(roles(called.report)).toEqual(['unreachable', 'unreachable', 'replica'])
    expect(called.report.hosts[0]?.why).toContain('did not answer')
  })
})

describe('check', () => {
  test('where each value comes from, and every step of every host', async () => {
    const io = new FakeIo({
      PGPASSWORD: CANARY,
      PGDATABASE: cluster.database,
      SHOP: `postgresql://app@localhost:${nodes[0].port},127.0.0.1:${nodes[1].port}/?sslmode=verify-full&sslrootcert=${caFile}`,
    })
    const { code, out } = await hasql(['check', '--dsn-env', 'SHOP'], io)
    expect(code).toBe(0)
    expect(out).toMatch(/ {2}password +\*\*\* +PGPASSWORD\n/)
    expect(out).toMatch(/ {2}dbname +app +PGDATABASE\n/)
    expect(out).toMatch(/ {2}sslmode +verify-full +the variable of --dsn-env\n/)
    expect(out).toMatch(/look-up +ok .*127\.0\.0\.1/)
    expect(
      out.match(/TLS +ok .*TLSv1\.3, certificate of localhost, valid until 2049-12-31, verified with its name/g),
    ).toHaveLength(2)
    expect(out).toMatch(/authentication +ok /)
    expect(out).toMatch(new RegExp(`database +ok .*app, PostgreSQL ${cluster.version}\\.`))
    expect(out).toMatch(/rights +ok .*no member of pg_monitor: does not see the timeline a replica receives/)
    expect(out).toMatch(/role +ok .*master, timeline 1, at 0\//)
    expect(out).toMatch(/role +ok .*replica, timeline 1, at 0\//)
    expect(out).toContain('all hosts: To see it: grant pg_monitor to app')
  })

  test('a password file, a service, a password that is asked for', async () => {
    const passwords = join(folder, 'passwords')
    writeFileSync(passwords, `127.0.0.1:${nodes[0].port}:*:app:${CANARY.replace(':', '\\:')}\n`, { mode: 0o600 })
    const services = join(folder, 'services')
    writeFileSync(services, `[shop]\nhost=127.0.0.1\nport=${nodes[0].port}\nuser=app\ndbname=${cluster.database}\n`)
    const environment = { PGPASSFILE: passwords, PGSERVICEFILE: services }
    const filed = await hasql(['check', 'service=shop'], new FakeIo(environment))
    expect(filed.code).toBe(0)
    expect(filed.out).toMatch(/ {2}password +\*\*\* +the password file\n/)
    expect(filed.out).toMatch(/ {2}port +\d+ +the service file\n/)
    const two = `host=127.0.0.1 port=${nodes[0].port},${nodes[1].port} user=app`.replace(
      '127.0.0.1',
      '127.0.0.1,127.0.0.1',
    )
    const half = await hasql(['check', `${two} dbname=${cluster.database}`], new FakeIo(environment))
    expect(half.out).toContain('the password file, for 1 of 2 hosts')
    expect(half.out).toContain(`127.0.0.1:${nodes[1].port}: No password was found: set PGPASSWORD`)
    expect(half.code).toBe(7)
    const io = new FakeIo({ ...environment, PGPASSWORD: 'not this one' })
    const asked = hasql(['check', 'service=shop', '-W'], io)
    setTimeout(() => io.keys.emit('data', `${CANARY}\n`), 20)
    expect((await asked).out).toMatch(/ {2}password +\*\*\* +the prompt\n/)
    expect((await asked).code).toBe(0)
  })

  test.each([
    [
      'a wrong password',
      (dsn: string) => dsn.replace('canary', 'wrong'),
      'authentication',
      'The password is not that of the role',
      7,
    ],
    [
      'no password',
      (dsn: string) => dsn.replace(/:[^@:]*@/, '@'),
      'authentication',
      'No password was found: set PGPASSWORD',
      7,
    ],
    ['no such database', (dsn: string) => `${dsn}-nowhere`, 'database', 'There is no such database', 7],
    [
      'a certificate nobody vouches for',
      (dsn: string) => `${dsn}?sslmode=verify-full`,
      'TLS',
      'name it with sslrootcert',
      7,
    ],
    ['nobody listening', () => cluster.dsnOf(nobody), 'TCP', 'Nothing listens there', 6],
    ['no such name', () => cluster.dsnOf({ host: 'no-such-host.invalid', port: 1 }), 'look-up', 'name|resolver', 6],
    ['silence', () => cluster.dsnOf(silent), 'TLS', 'frozen or overloaded', 6],
  ])('%s', async (_name, spoil, step, advice, code) => {
    const called = await hasql(['check', spoil(cluster.dsn), '--connect-timeout', '1500ms'])
    expect(called.out).toMatch(new RegExp(`  ${step} +FAIL`))
    expect(called.out).toMatch(new RegExp(`What to do\n(.*\n)*.*(${advice})`))
    expect(called.code).toBe(code)
    expect(called.tookMs).toBeLessThanOrEqual(1_500)
  })

  test('a member of pg_monitor sees everything, and a password among the arguments is called out', async () => {
    await nodes[0].query('grant pg_monitor to app')
    await eventually('the grant is everywhere', async () => {
      const { out } = await hasql(['check', cluster.dsn])
      return (out.match(/member of pg_monitor: sees all that hasql asks for/g) ?? []).length === 3
    })
    const { out } = await hasql(['check', cluster.dsn])
    expect(out).toContain('the argument: It holds a password, which other users of this machine can see')
    await nodes[0].query('revoke pg_monitor from app')
  })

  test('by a Unix socket there is no TLS to look at', async () => {
    const [row] = await nodes[0].query<{ folder: string }>(
      "select current_setting('unix_socket_directories') as folder",
    )
    const place = `host=${row?.folder ?? ''} port=${nodes[0].port}`
    const environment = { PGPASSWORD: CANARY, PGUSER: 'app', PGDATABASE: cluster.database }
    const { code, out } = await hasql(['check', place], new FakeIo(environment))
    expect(code).toBe(0)
    expect(out).not.toContain('look-up')
    expect(out).toMatch(/TCP +ok .*a Unix socket\n/)
    expect(out).toMatch(/TLS +ok .*off: a Unix socket\n/)
    const nowhere = await hasql(['check', place.replace('host=/', 'host=/nonexistent/')], new FakeIo(environment))
    expect(nowhere.out).toContain('There is no such socket: is the server running, is the folder right?')
    expect(nowhere.code).toBe(6)
  })

  test.each([
    ['off: sslmode=disable', 'sslmode=disable'],
    ['off: sslmode=allow encrypts only where the server demands it', 'sslmode=allow'],
    ['not verified (sslmode=require)', 'sslmode=require'],
  ])('TLS: %s', async (says, query) => {
    const { code, out } = await hasql(['check', `${cluster.dsnOf(nodes[0])}?${query}`])
    expect(code).toBe(0)
    expect(out).toContain(says)
  })

  test('TLS without a question first, and a certificate for another name', async () => {
    const by = (host: string): string => cluster.dsnOf({ host, port: nodes[0].port })
    const query = `sslmode=verify-full&sslrootcert=${caFile}`
    const direct = await hasql(['check', `${by('localhost')}?sslnegotiation=direct&${query}`])
    expect(direct.out).toMatch(/TLS +ok .*verified with its name/)
    const io = new FakeIo()
    const names = new NameServer()
    names.set('other.test', ['127.0.0.1'])
    io.lookup = names.lookup
    const unnamed = await hasql(['check', `${by('other.test')}?${query}`], io)
    expect(unnamed.out).toMatch(/TLS +FAIL .*not accepted: /)
    expect(unnamed.out).toContain('The certificate is for another name: connect by a name that stands in it.')
    expect(unnamed.code).toBe(7)
    const ca = await hasql(['check', `${by('localhost')}?sslmode=verify-ca&sslrootcert=${caFile}`])
    expect(ca.out).toMatch(/TLS +ok .*verified without its name/)
  })

  test.each([
    [
      'speaks something else',
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      'the answer to the request for TLS is not one of PostgreSQL',
    ],
    ['says yes and hangs up', 'S', 'the server ended the handshake|socket disconnected|ECONNRESET'],
    ['hangs up', '', 'the server ended the connection instead of answering|ECONNRESET'],
  ])('a server that %s', async (_what, answer, says) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { code, out } = await hasql(['check', cluster.dsnOf({ host: '127.0.0.1', port })])
    server.close()
    expect(out).toMatch(new RegExp(`TLS +FAIL .*(${says})`))
    expect(code).toBeGreaterThanOrEqual(6)
  })

  test('a server without TLS', async () => {
    await nodes[2].setting('ssl', 'off')
    const demanded = await hasql(['check', `${cluster.dsnOf(nodes[2])}?sslmode=require`])
    expect(demanded.out).toMatch(/TLS +FAIL .*the server has no TLS, but sslmode=require demands it/)
    expect(demanded.code).toBe(7)
    const preferred = await hasql(['check', cluster.dsnOf(nodes[2])])
    expect(preferred.out).toMatch(/TLS +ok .*not encrypted/)
    expect(preferred.out).toContain('The connection is not encrypted: turn ssl on')
    await nodes[2].setting('ssl', 'on')
  })
})

describe('wait', () => {
  test('ready at once, and when the hosts are', async () => {
    const ready = await hasql(['wait', cluster.dsn, '--masters', '1', '--replicas', '2', '--timeout', '20s'])
    expect([ready.code, ready.err]).toEqual([0, ''])
    expect(ready.out).toMatch(
      /^ready after .+: master 127\.0\.0\.1:\d+, replicas 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+\n$/,
    )
    await nodes[1].stop()
    const waiting = hasql(['wait', cluster.dsn, '--replicas', '2', '--timeout', '20s', '--quiet'])
    await nodes[1].start()
    expect(await waiting).toMatchObject({ code: 0, out: '', err: '' })
  })

  test.each([
    ['no master in time', () => cluster.dsnOf(nodes[1], nodes[2]), ['--masters', '1'], 3, 'wanted 1 master'],
    ['too few replicas in time', () => cluster.dsnOf(nodes[0], nobody), ['--replicas', '1'], 6, 'is unreachable'],
    ['a wrong password', () => cluster.dsn.replace('canary', 'wrong'), ['--timeout', '20s'], 7, 'No host lets us in'],
  ])('%s', async (_name, dsn, args, code, why) => {
    const called = await hasql(['wait', dsn(), '--timeout', '1s', ...args])
    expect(called.code).toBe(code)
    expect(called.err).toContain(why)
    expect(called.tookMs).toBeLessThan(3_000)
  })

  test('a signal ends it', async () => {
    const io = new FakeIo()
    const waiting = hasql(['wait', cluster.dsnOf(nobody), '--timeout', '20s'], io)
    await new Promise((resolve) => setTimeout(resolve, 200))
    io.stop()
    expect((await waiting).code).toBe(130)
  })
})

describe('watch', () => {
  test('without a terminal: one line for each change, until a signal', async () => {
    const io = new FakeIo()
    const watching = hasql(['watch', cluster.dsn, '--interval', '100ms'], io)
    await eventually('all are seen', () => io.out.text.split('\n').length > 4)
    await nodes[2].stop('immediate')
    await eventually('its end is seen', () => io.out.text.includes(`127.0.0.1:${nodes[2].port}  unreachable: `))
    await nodes[2].start()
    await eventually('its return is seen', () => io.out.text.endsWith(`127.0.0.1:${nodes[2].port}  replica\n`))
    io.stop()
    const { code, out } = await watching
    expect(code).toBe(130)
    expect(out).toMatch(/^(1970-01-01T00:00:00Z {2}\S.*\n)+$/)
    expect(out).toContain(`master  127.0.0.1:${nodes[0].port}\n`)
  })
})

describe('several hosts that take writes', () => {
  test('a stale master, then split brain', async () => {
    const io = new FakeIo()
    const watching = hasql(['watch', cluster.dsn, '--interval', '100ms'], io)
    const tells = (what: string): Promise<void> => eventually(`watch tells ${what}`, () => io.out.text.includes(what))
    const idOf = ({ port }: PgNode): string => `127.0.0.1:${port}`
    await tells(`master  ${idOf(nodes[0])}\n`)
    await nodes[1].promote()
    await tells(`${idOf(nodes[1])}  replica -> master after `)
    await tells(`master  ${idOf(nodes[0])} -> ${idOf(nodes[1])}\n`)
    await tells(`STALE MASTER  ${idOf(nodes[0])} takes writes on timeline 1; fenced: `)
    const stale = await statusOf(cluster.dsn)
    expect(roles(stale.report)).toEqual(['stale-master', 'master', 'replica'])
    expect([stale.code, stale.report.problems[0]]).toEqual([5, 'stale-master'])
    expect(stale.report.hosts[0]?.why).toContain(`on timeline 1; fenced: ${idOf(nodes[1])} is writable on timeline 2`)
    await nodes[2].promote()
    await tells(`SPLIT BRAIN  ${idOf(nodes[2])} takes writes beside ${idOf(nodes[1])}\n`)
    io.stop()
    expect((await watching).code).toBe(130)
    const split = await statusOf(cluster.dsnOf(nodes[1], nodes[2]))
    // Which of the two it is depends on who answered first.
    expect([...roles(split.report)].sort()).toEqual(['master', 'rival-master'])
    expect([split.code, split.report.problems[0]]).toEqual([4, 'split-brain'])
    expect((await hasql(['status', cluster.dsn])).out).toContain('Split brain: several hosts accept writes')
  })
})

describe('the program', () => {
  /** Runs the command as a shell does. */
  async function spawned(args: readonly string[], input = ''): Promise<Omit<Called, 'tookMs'>> {
    const child = spawn(process.execPath, [...MAIN, ...args], {
      env: { ...process.env, SHOP: cluster.dsnOf(nodes[1]) },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    child.stderr.on('data', (chunk) => (err += String(chunk)))
    child.stdin.end(input)
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
    said.push(out, err)
    return { code, out, err }
  }

  test('its exit status, its output and its errors go where they belong', async () => {
    const [good, bad, asked] = await Promise.all([
      spawned(['status', '--dsn-env', 'SHOP', '--json']),
      spawned(['status', 'host=127.0.0.1 port=1 user=app', '--conect-timeout', '1s']),
      spawned(['status', cluster.dsnOf(nodes[1]).replace(/:[^@:]*@/, '@'), '--password'], `${CANARY}\n`),
    ])
    expect([good.code, good.err]).toEqual([0, ''])
    expect(isValid(JSON.parse(good.out))).toBe(true)
    expect([bad.code, bad.out]).toEqual([2, ''])
    expect(bad.err).toContain('Did you mean --connect-timeout?')
    expect([asked.code, asked.err]).toEqual([0, ''])
  })
})

test('no output of any command held the password', () => {
  expect(said.length).toBeGreaterThan(60)
  expect(said.join('').length).toBeGreaterThan(10_000)
  for (const form of FORMS) expect(said.filter((text) => text.includes(form))).toEqual([])
})
