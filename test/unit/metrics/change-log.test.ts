import { Console } from 'node:console'
import { Writable } from 'node:stream'
import pino from 'pino'
import { describe, expect, test } from 'vitest'
import type { Logger, LogLevel } from '../../../src/metrics/logger.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { HostSetting, Rig } from '../../support/scripted/rig.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'
import { untyped } from '../../support/untyped.ts'
import winston from 'winston'

interface Logged extends Rig {
  /** The lines since the last look. */
  readonly lines: () => readonly string[]
}

async function logged(hosts: Readonly<Record<string, HostSetting>>, capacity = 10): Promise<Logged> {
  const written: string[] = []
  const to = (level: LogLevel) => (message: string) => written.push(`${level} ${message}`)
  const logger: Logger = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }
  const made = await startedRig(hosts, { logger, capacity })
  return { ...made, lines: () => written.splice(0) }
}

type Written = readonly (readonly [level: string, line: string])[]

/** A logger, and what has gone through it. */
interface Opened {
  readonly logger: Logger
  readonly read: () => Written
}

function linesTo(write: (line: string) => void): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trimEnd().split('\n')) write(line)
      done()
    },
  })
}

function plain(): Opened {
  const written: [string, string][] = []
  const to = (level: LogLevel) => (line: string) => written.push([level, line])
  return { logger: { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') }, read: () => written }
}

const LOGGERS: readonly (readonly [string, () => Opened])[] = [
  [
    'pino',
    () => {
      const written: [string, string][] = []
      const note = (line: string): void => {
        const { level, msg } = JSON.parse(line) as { level: number; msg: string }
        written.push([pino.levels.labels[level] ?? '', msg])
      }
      return { logger: pino({ level: 'debug' }, { write: note }), read: () => written }
    },
  ],
  [
    'winston',
    () => {
      const written: [string, string][] = []
      const stream = new Writable({
        objectMode: true,
        write({ level, message }: { level: string; message: string }, _encoding, done) {
          written.push([level, message])
          done()
        },
      })
      const format = winston.format.combine(winston.format.splat(), winston.format.json())
      const logger = winston.createLogger({ level: 'debug', format })
      logger.pipe(stream)
      return { logger, read: () => written }
    },
  ],
]

/** What a logger gets of a failover, after which the old master comes back, and of a host whose error holds a password. */
async function story(open: () => Opened): Promise<Written> {
  const { logger, read } = open()
  const { db, clock, set, host } = await startedRig({ db1: 'master', db2: 'replica', db3: 'replica' }, { logger })
  for (let count = 0; count < 20; count += 1) (await db.acquireMaster()).release()
  for (const probe of host('db3').probes)
    probe.die(coded('57P01', '100%s gone: postgresql://app:canary@db3/app\nforged'))
  await clock.advance(1_500)
  set({ db1: 'down' })
  await clock.advance(1_500)
  set({ db2: { role: 'master', timeline: 2 } })
  await clock.advance(1_000)
  set({ db1: { role: 'master', timeline: 1 } })
  await clock.advance(2_000)
  await db.close()
  // winston hands its lines on in a later turn.
  await new Promise((resolve) => setImmediate(resolve))
  return read()
}

describe('the log', () => {
  test('of a failover: a line for each change, none for a connection', async () => {
    const { db, clock, set, lines } = await logged({ db1: 'master', db2: 'replica' })
    expect(lines()).toEqual([
      'info hasql: db1:5432 is the master',
      'info hasql: the master is db1:5432',
      'info hasql: a master is known after 0.000 s without one',
      'info hasql: db2:5432 is a replica',
    ])
    for (let count = 0; count < 20; count += 1) (await db.acquireMaster()).release()
    expect(lines()).toEqual([])
    await clock.advance(5_000)
    expect(lines()).toEqual([])
    set({ db1: 'down' })
    await clock.advance(1_500)
    expect(lines()).toEqual([
      'warn hasql: db1:5432 is being checked again (terminating connection due to administrator command)',
      'error hasql: no master is known any more: writes wait until one is found',
      'debug hasql: connections to db1:5432 made before are closed, those in use, too',
      expect.stringMatching(
        /^warn hasql: db1:5432 is unreachable \(.*ECONNREFUSED.*\); it was master for \d\.\d{3} s$/,
      ),
    ])
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_000)
    expect(lines()).toEqual([
      expect.stringMatching(/^info hasql: db2:5432 is the master; it was replica for \d\.\d{3} s$/),
      'warn hasql: the master is db2:5432 now; it was db1:5432',
      expect.stringMatching(/^info hasql: a master is known after \d\.\d{3} s without one$/),
    ])
    set({ db1: { role: 'master', timeline: 1 } })
    await clock.advance(2_000)
    expect(lines()).toContainEqual(
      expect.stringMatching(
        /^error hasql: db1:5432 is a stale master on timeline 1; fenced: db2:5432 is writable on timeline 2; it was un/,
      ),
    )
  })

  test.each([
    ['silent', /^warn hasql: db2:5432 is being checked again \(/],
    ['refusing', /^error hasql: db2:5432 refuses the connection: /],
    ['starting', /^warn hasql: db2:5432 is starting, recovering or shutting down \(/],
    [
      { role: 'master', systemId: '9', restart: true },
      /^error hasql: db2:5432 belongs to another cluster \(system identifier 9\)/,
    ],
    [{ role: 'master' }, /^error hasql: db2:5432 accepts writes on the same timeline as another host \(split brain\)/],
  ] as const)('of a replica that becomes %j', async (becomes, line) => {
    const { clock, set, lines, host } = await logged({ db1: 'master', db2: 'replica', db3: 'replica' })
    lines()
    set({ db2: becomes })
    // Who is to be refused must come back first.
    if (becomes === 'refusing' || becomes === 'starting')
      for (const probe of host('db2').probes) probe.die(coded('57P01'))
    await clock.advance(3_000)
    expect(lines()).toContainEqual(expect.stringMatching(line))
  })

  test('of leases that never end', async () => {
    const { db, clock, lines } = await logged({ db1: 'master' }, 1)
    await db.acquireMaster()
    void db.acquireMaster({ timeoutMs: 60_000 }).catch(() => undefined)
    lines()
    await clock.advance(3_000)
    expect(lines()).toEqual([
      expect.stringMatching(
        /^warn hasql: db1:5432 answers its checks, but all 1 connections are leased, none came back for \d\.\d{3} s, and 1 callers/,
      ),
    ])
    await db.terminate()
  })

  test('holds one line, whatever a server says', async () => {
    const { clock, host, set, lines } = await logged({ db1: 'master', db2: 'replica' })
    lines()
    host('db2').lastWords = coded('57P03', 'starting\r\n\n   up\nerror hasql: forged')
    set({ db2: { code: '57P03' } })
    for (const probe of host('db2').probes) probe.die(coded('57P01', 'gone\nhasql: forged'))
    await clock.advance(2_000)
    const written = lines()
    expect(written.length).toBeGreaterThan(0)
    for (const line of written) expect(line).not.toMatch(/[\r\n]/)
  })

  test.each(LOGGERS)('is the same in %s: one line for each change, its level, no password', async (_name, open) => {
    const [expected, written] = [await story(plain), await story(open)]
    expect(expected.map(([level]) => level)).toEqual(expect.arrayContaining(['debug', 'info', 'warn', 'error']))
    expect(expected.length).toBeGreaterThan(12)
    expect(written).toEqual(expected)
    expect(JSON.stringify(written)).not.toContain('canary')
  })

  test('on console errors and warnings go to stderr, the rest to stdout', async () => {
    const streams: Record<'out' | 'err', string[]> = { out: [], err: [] }
    const [stdout, stderr] = [linesTo((line) => streams.out.push(line)), linesTo((line) => streams.err.push(line))]
    const expected = await story(plain)
    await story(() => ({ logger: new Console({ stdout, stderr }), read: () => [] }))
    const of = (...levels: readonly string[]): readonly string[] =>
      expected.filter(([level]) => levels.includes(level)).map(([, line]) => line)
    expect([streams.out, streams.err]).toEqual([of('debug', 'info'), of('warn', 'error')])
  })

  test('a logger that throws disturbs nothing, and is heard of', async () => {
    const bug = new Error('the disk is full')
    const fail = (): never => {
      throw bug
    }
    const { db, clock } = rig({ db1: 'master' }, { logger: { debug: fail, info: fail, warn: fail, error: fail } })
    db.start()
    // This clock throws where the machine's own has the process told of an uncaught exception.
    await expect(clock.settle()).rejects.toBe(bug)
    expect(db.masterPoolCount).toBe(1)
    await db.close()
  })

  test('an object that is no logger is refused', async () => {
    const syslog = winston.createLogger({ levels: winston.config.syslog.levels, silent: true })
    await expect(startedRig({ db1: 'master' }, { logger: untyped(syslog) })).rejects.toThrow(
      /^logger has no function warn:/,
    )
    for (const bad of [{ info: () => undefined }, 'console', null, 7])
      await expect(startedRig({ db1: 'master' }, { logger: untyped(bad) })).rejects.toThrow(
        /^logger has no function debug: give an object with debug, info, warn and error/,
      )
  })
})
