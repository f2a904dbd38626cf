import { describe, expect, test } from 'vitest'
import {
  AcquireAbortedError,
  AcquireTimeoutError,
  ManagerClosedError,
  TokenUnavailableError,
  TokenUnreachableError,
  UnknownConnectionError,
} from '../../../src/errors.ts'
import type { ReplicaOptions } from '../../../src/manager/acquire-options.ts'
import { takeToken } from '../../../src/manager/take-token.ts'
import { rejection } from '../../support/eventually.ts'
import type { ScriptedClient } from '../../support/scripted/connection.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { HostSetting, Rig, RigOptions } from '../../support/scripted/rig.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { kindsOf } from '../../support/topology.ts'

/** A master and two replicas on 0/100, each asked twice, so that everything is known of them. */
async function cluster(options: RigOptions = {}, hosts: Readonly<Record<string, HostSetting>> = {}): Promise<Rig> {
  const made = await startedRig({ m: 'master', a: 'replica', b: 'replica', ...hosts }, options)
  await made.clock.advance(2_500)
  return made
}

async function writeAt({ db, set }: Rig, lsn: string): Promise<string> {
  set({ m: { lsn } })
  return db.withMaster((connection) => db.writeToken(connection))
}

/** A promise whose end is looked at later. */
function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

const hostOf = (lease: ScriptedClient): string => lease.hostId.slice(0, 1)

/** Where a read is served, and after how many milliseconds; it must not take longer than `withinMs`. */
async function served(made: Rig, options: ReplicaOptions, withinMs = 1_000): Promise<readonly [string, number]> {
  const startedAtMs = made.clock.nowMs()
  let atMs = NaN
  const lease = later(made.db.acquireReplica(options).finally(() => (atMs = made.clock.nowMs())))
  await made.clock.advance(withinMs)
  const connection = await lease
  made.db.release(connection)
  return [hostOf(connection), atMs - startedAtMs]
}

describe('a write token', () => {
  test('is taken on the master, and says where it is', async () => {
    const made = await cluster()
    expect(await writeAt(made, '0/64')).toBe(`1.${(7000).toString(36)}.1.${(100).toString(36)}`)
  })

  test('is not to be had of a replica, in a transaction, without the rights, of a stranger', async () => {
    const made = await cluster()
    const { db, set } = made
    const onReplica = db.withReplica((connection) => db.writeToken(connection))
    await expect(onReplica).rejects.toThrow(TokenUnavailableError)
    set({ m: { transaction: '751' } })
    const inTransaction = db.withMaster((connection) => db.writeToken(connection))
    await expect(inTransaction).rejects.toThrow('take the token after the commit')
    set({ m: { transaction: null, rights: false } })
    const error = await db.withMaster((connection) => db.writeToken(connection)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_HASQL_TOKEN_UNAVAILABLE', cause: coded('42501', 'permission denied') })
    const [lease] = [await (await cluster()).db.acquireMaster()]
    await expect(db.writeToken(lease)).rejects.toThrow(UnknownConnectionError)
  })

  test('a driver that cannot ask says so', async () => {
    const made = await cluster()
    await made.db.withMaster(() => undefined)
    const [connection] = [...made.host('m').connections]
    if (connection === undefined) return expect.fail('the connection is kept')
    Reflect.set(connection, 'query', undefined)
    await expect(takeToken(connection, 'scripted')).rejects.toThrow("the driver 'scripted' cannot run a statement")
  })
})

describe('a read after a token', () => {
  test('is served at once by a replica that is known to have the write', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/100')
    const [, waitedMs] = await served(made, { after: token })
    expect(waitedMs).toBe(0)
  })

  test('goes to the replica that has it, and past the preferred one that has not', async () => {
    const made = await cluster({ preferZone: 'near', hosts: { 'a:5432': { zone: 'near' } } })
    const token = await writeAt(made, '0/200')
    made.set({ b: { lsn: '0/200' } })
    await made.clock.advance(2_000)
    expect(await served(made, { after: token })).toEqual(['b', 0])
    expect(await served(made, {})).toEqual(['a', 0])
  })

  test('waits for the replica to catch up: asked at once where it shows its timeline, then again and again', async () => {
    const made = await cluster({}, { a: { stats: true }, b: { stats: true } })
    const token = await writeAt(made, '0/200')
    made.set({ a: { lsn: '0/200' } })
    // The connection is made after the answer, which says nothing of it: one more is wanted.
    expect(await served(made, { after: token })).toEqual(['a', 20])
    const next = await writeAt(made, '0/300')
    await made.clock.advance(50)
    made.set({ a: { lsn: '0/300' } })
    expect(await served(made, { after: next })).toEqual(['a', 0])
  })

  test('a connection that is younger than the last answer may lead to a server that lost the write', async () => {
    const made = await cluster({ fallbackMaster: true })
    const token = await writeAt(made, '0/200')
    await made.db.withMaster(async (connection) => {
      // One connection is in use; the next one is made to what the master was turned into since its last answer.
      made.set({ m: { role: 'replica', lsn: '0/100' } })
      const read = later(made.db.acquireReplica({ after: token, timeoutMs: 500 }))
      await made.clock.advance(1_000)
      expect(await rejection(read)).toBeInstanceOf(AcquireTimeoutError)
      expect(hostOf(connection)).toBe('m')
    })
  })

  test('where it does not, the master is asked once more after it', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    made.set({ a: { lsn: '0/200' } })
    expect(await served(made, { after: token })).toEqual(['a', 20])
  })

  test('asks each host at most every 20 ms, and less often the longer it waits', async () => {
    const made = await cluster({ acquireTimeoutMs: 20_000 })
    const token = await writeAt(made, '0/200')
    const startedAtMs = made.clock.nowMs()
    const reads = [1, 2, 3].map(() => later(made.db.acquireReplica({ after: token, timeoutMs: 10_000 })))
    await made.clock.advance(9_000)
    const askedAtMs = made.host('a').askedAtMs.filter((atMs) => atMs >= startedAtMs)
    const gapsMs = askedAtMs.slice(1).map((atMs, index) => atMs - (askedAtMs[index] ?? 0))
    expect(Math.min(...gapsMs)).toBeGreaterThanOrEqual(20)
    expect(Math.max(...gapsMs)).toBeLessThanOrEqual(250)
    expect(gapsMs.at(-1)).toBeGreaterThanOrEqual(100)
    expect(askedAtMs.length).toBeLessThan(130)
    made.set({ m: { lsn: '0/300' }, a: { lsn: '0/300' } })
    await made.clock.advance(900)
    expect((await Promise.all(reads)).map(hostOf)).toEqual(['a', 'a', 'a'])
    await made.clock.advance(5_000)
    expect(made.host('a').askedAtMs.filter((atMs) => atMs > startedAtMs + 10_000)).toHaveLength(5)
  })

  test('with fallbackMaster goes to the master when no replica is known to have the write, at once', async () => {
    const made = await cluster({ fallbackMaster: true })
    const token = await writeAt(made, '0/200')
    expect(await served(made, { after: token })).toEqual(['m', 0])
    expect(await served(made, { after: token, fallbackMaster: false, timeoutMs: 400 }).catch(String)).toMatch(
      'AcquireTimeoutError',
    )
  })

  test('law 6: has one deadline, and says how each host stood', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 300 }))
    await made.clock.advance(300)
    const error = await lease.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AcquireTimeoutError)
    expect(error).toMatchObject({
      reason: 'no-suitable-host',
      message: expect.stringContaining('No replica that is fresh enough was found within 300 ms') as string,
      hosts: [
        { host: 'm:5432', why: 'is the master (fallbackMaster is off)' },
        { host: 'a:5432', why: 'is a replica which lacks 256 bytes of what the write token wants' },
        { host: 'b:5432', why: 'is a replica which lacks 256 bytes of what the write token wants' },
      ],
    })
  })

  test('law 8: whoever gives up leaves nothing behind', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    const controller = new AbortController()
    const aborted = later(made.db.acquireReplica({ after: token, signal: controller.signal }))
    const late = later(made.db.acquireReplica({ after: token, timeoutMs: 200 }))
    const closed = later(made.db.acquireReplica({ after: token }))
    const all = Promise.allSettled([aborted, late, closed])
    await made.clock.advance(100)
    controller.abort()
    await made.clock.advance(100)
    void made.db.close()
    await made.clock.advance(100)
    const reasons = (await all).map((each) => (each.status === 'rejected' ? (each.reason as Error).constructor : each))
    expect(reasons).toEqual([AcquireAbortedError, AcquireTimeoutError, ManagerClosedError])
    expect([made.clock.openTimers, made.db.metrics().hasql.waiters]).toEqual([0, 0])
  })

  test('does not trust a replica in doubt: what comes back may be older', async () => {
    const made = await cluster({}, { b: 'down' })
    const token = await writeAt(made, '0/100')
    for (const probe of [...made.host('a').probes]) probe.die(coded('ECONNRESET'))
    made.host('a').suffer('silent')
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 300 }))
    await made.clock.advance(300)
    await expect(lease).rejects.toThrow('is not asked for the write while it is in doubt')
  })

  test('is run again on another host that has the write', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/100')
    const hosts: string[] = []
    const read = (connection: ScriptedClient): string => {
      hosts.push(hostOf(connection))
      if (hosts.length > 1) return 'read'
      const [dying] = [...made.host(connection.hostId).connections].filter(({ native }) => native === connection)
      const error = coded('57P01')
      dying?.die(error)
      throw error
    }
    const result = made.db.withReplica(read, { after: token, retry: true })
    await made.clock.advance(1_000)
    expect(await result).toBe('read')
    expect(new Set(hosts).size).toBe(2)
  })

  test('undefined, as of a cookie that is not there, wants nothing', async () => {
    const made = await cluster()
    expect((await served(made, { after: undefined }))[1]).toBe(0)
  })
})

describe('a token after a failover', () => {
  const promote = async ({ set, clock }: Rig, lsn: string): Promise<void> => {
    set({ m: 'down', a: { role: 'master', timeline: 2, lsn } })
    await clock.advance(1_000)
  }

  test('is good when the new master was seen to have the write before', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/100')
    await promote(made, '0/190')
    const master = later(made.db.acquireMaster({ after: token }))
    await made.clock.advance(10)
    expect(hostOf(await master)).toBe('a')
    made.set({ b: { timeline: 2, lsn: '0/190' } })
    expect((await served(made, { after: token }))[0]).toBe('b')
  })

  test('is never read past when it was not: a typed error at once, for reads and for the master', async () => {
    const made = await cluster({ fallbackMaster: true })
    const token = await writeAt(made, '0/200')
    await promote(made, '0/300')
    for (const lease of [
      later(made.db.acquireReplica({ after: token })),
      later(made.db.acquireMaster({ after: token })),
    ]) {
      const error = await lease.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(TokenUnreachableError)
      expect(error).toMatchObject({ code: 'ERR_HASQL_TOKEN_UNREACHABLE', hosts: { length: 3 } })
      expect(String(error)).toMatch('it is of timeline 1, which was left for 2')
    }
    expect(made.db.metrics().hasql.waiters).toBe(0)
  })

  test('ends the wait of whoever waits for it', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    const lease = later(made.db.acquireReplica({ after: token }))
    await made.clock.advance(50)
    const ended = expect(lease).rejects.toThrow(TokenUnreachableError)
    await promote(made, '0/300')
    await ended
  })

  test('waits for a master before it is given up', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    await promote(made, '0/300')
    made.set({ a: 'down' })
    await made.clock.advance(100)
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 300 }))
    await made.clock.advance(300)
    await expect(lease).rejects.toThrow(AcquireTimeoutError)
  })

  test('of a timeline that is not seen yet waits until it is', async () => {
    const made = await cluster()
    const newer = `1.${(7000).toString(36)}.2.${(0x150).toString(36)}`
    const lease = later(made.db.acquireMaster({ after: newer }))
    await made.clock.advance(100)
    made.set({ m: 'down', a: { role: 'master', timeline: 2, lsn: '0/180' } })
    await made.clock.advance(500)
    expect(hostOf(await lease)).toBe('a')
  })

  test('a replica of the old timeline that went further is not taken for one of the new', async () => {
    const made = await cluster()
    made.set({ b: { lsn: '0/900' } })
    await made.clock.advance(2_000)
    await promote(made, '0/180')
    made.set({ a: { lsn: '0/A00' } })
    const token = await made.db.withMaster((connection) => made.db.writeToken(connection))
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 500 }))
    await made.clock.advance(500)
    await expect(lease).rejects.toThrow('is not known to be on timeline 2 of the write token yet (1)')
  })

  test('a replica whose control file is late is not taken for one of the old timeline', async () => {
    const made = await cluster()
    const token = await writeAt(made, '0/200')
    made.set({ m: 'down', b: { timeline: 2, reached: 1, lsn: '0/400' } })
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 500 }))
    await made.clock.advance(500)
    await expect(lease).rejects.toThrow('b:5432 is a replica which is not known to have the write of the token')
  })

  test('of another cluster is refused at once', async () => {
    const made = await cluster()
    const foreign = `1.${(9).toString(36)}.1.1`
    await expect(made.db.acquireReplica({ after: foreign })).rejects.toThrow('it is of another cluster')
    await expect(made.db.acquireMaster({ after: foreign })).rejects.toThrow(TokenUnreachableError)
  })
})

describe('a bound on lag that the caller gives is hard', () => {
  test('law 7: nobody is better than somebody who is too far behind', async () => {
    const made = await cluster()
    made.set({ m: { lsn: '0/200' } })
    await made.clock.advance(5_000)
    const lease = later(made.db.acquireReplica({ maxLagMs: 2_000, timeoutMs: 400 }))
    await made.clock.advance(400)
    await expect(lease).rejects.toThrow(/a:5432 is a replica with a lag of \d\.?\d* s of at most 2 s/)
    const bytes = later(made.db.acquireReplica({ maxLagBytes: 255, timeoutMs: 400 }))
    await made.clock.advance(400)
    await expect(bytes).rejects.toThrow('a:5432 is a replica with a lag of 256 bytes of at most 255')
    expect((await served(made, { maxLagBytes: 256 }))[1]).toBe(0)
    expect(await served(made, { maxLagMs: 2_000, fallbackMaster: true })).toEqual(['m', 0])
    expect((await served(made, {}))[1]).toBe(0)
  })

  test('the one that keeps it is chosen', async () => {
    const made = await cluster()
    made.set({ m: { lsn: '0/200' }, b: { lsn: '0/200' } })
    await made.clock.advance(4_000)
    expect(await served(made, { maxLagMs: 2_500 })).toEqual(['b', 0])
    expect(await served(made, { maxLagBytes: 0 })).toEqual(['b', 0])
  })

  test('what is known is too old: the hosts are asked, and an idle master has everybody up to date', async () => {
    const made = await cluster()
    await made.clock.advance(480)
    const [, waitedMs] = await served(made, { maxLagMs: 50 })
    expect(waitedMs).toBeGreaterThanOrEqual(0)
    expect(waitedMs).toBeLessThanOrEqual(20)
  })

  test('unknown lag does not keep it', async () => {
    const made = await cluster({}, { a: { rights: 'position' }, b: { rights: false } })
    const lease = later(made.db.acquireReplica({ maxLagMs: 60_000, timeoutMs: 100 }))
    await made.clock.advance(100)
    const hidden = 'is a replica (does not show its timeline, system identifier) of unknown lag (at most 60 s wanted)'
    await expect(lease).rejects.toThrow(`a:5432 ${hidden}`)
  })

  test('without a master nobody knows how many bytes are missing', async () => {
    const made = await cluster()
    made.set({ m: 'down' })
    await made.clock.advance(100)
    const lease = later(made.db.acquireReplica({ maxLagBytes: 1_000_000, timeoutMs: 100 }))
    await made.clock.advance(100)
    await expect(lease).rejects.toThrow('of unknown lag (at most 1000000 bytes wanted)')
    expect((await served(made, { maxLagMs: 60_000 }))[1]).toBe(0)
  })
})

describe('the manager’s own bound on lag is soft', () => {
  test('law 7: it narrows, and never empties', async () => {
    const made = await cluster({ maxReplicaLagMs: 1_500 })
    made.set({ m: { lsn: '0/200' }, b: { lsn: '0/200' } })
    await made.clock.advance(5_000)
    for (let round = 0; round < 10; round += 1) expect(await served(made, {}, 1)).toEqual(['b', 0])
    made.set({ b: 'down' })
    await made.clock.advance(2_000)
    expect(await served(made, {})).toEqual(['a', 0])
  })

  test('in bytes, too; a host of unknown lag does not keep it', async () => {
    const made = await cluster({ maxReplicaLagBytes: 255 }, { c: { rights: 'position' } })
    made.set({ m: { lsn: '0/200' }, b: { lsn: '0/101' } })
    await made.clock.advance(3_000)
    for (let round = 0; round < 10; round += 1) expect(await served(made, {}, 1)).toEqual(['b', 0])
  })

  test('topology shows the lag of each host', async () => {
    const made = await cluster()
    made.set({ m: { lsn: '0/200' }, b: { lsn: '0/180' } })
    await made.clock.advance(3_000)
    const lags = [...made.db.topology.hosts.values()].map((host) => ('lag' in host ? host.lag : undefined))
    expect(lags).toMatchObject([{ bytes: 0, ms: 0 }, { bytes: 256 }, { bytes: 128 }])
    expect(lags[1]?.ms).toBeGreaterThan(2_000)
  })
})

describe('law 18: a replica that is not known to follow the master', () => {
  const ORPHAN: HostSetting = { role: 'replica', timeline: 2, receiver: 'none' }
  const DIVERGED = "is a replica that has diverged: it is on timeline 2, above the master's 1"

  /** `a` was promoted by mistake, and is a replica again on a timeline of its own. */
  const accident = async (options: RigOptions = {}, others: Readonly<Record<string, HostSetting>> = {}): Promise<Rig> =>
    cluster(options, { a: ORPHAN, ...others })

  /** Who serves so many reads; `refused` of whom there is none. */
  async function readers(made: Rig, options: ReplicaOptions): Promise<ReadonlySet<string>> {
    const hosts = new Set<string>()
    for (let n = 0; n < 12; n += 1) {
      const read = served(made, { timeoutMs: 400, ...options }, 500)
      hosts.add(await read.then(([host]) => host).catch(() => 'refused'))
    }
    return hosts
  }

  test.each<[string, RigOptions, ReplicaOptions, readonly string[]]>([
    ['a bound of the caller in time', {}, { maxLagMs: 60_000 }, ['b']],
    ['a bound of the caller in bytes', {}, { maxLagBytes: 1e9 }, ['b']],
    ['a bound of the manager in time', { maxReplicaLagMs: 60_000 }, {}, ['b']],
    ['a bound of the manager in bytes', { maxReplicaLagBytes: 1e9 }, {}, ['b']],
    ['no bound', {}, {}, ['b']],
  ])('with %s does not serve beside another', async (_what, options, read, wanted) => {
    expect(await readers(await accident(options), read)).toEqual(new Set(wanted))
  })

  test.each<[string, RigOptions, ReplicaOptions, readonly string[]]>([
    ['a bound of the caller is served by nobody', {}, { maxLagMs: 60_000 }, ['refused']],
    ['a bound of the caller is served by the master', {}, { maxLagMs: 60_000, fallbackMaster: true }, ['m']],
    ['a bound of the manager is served by nobody', { maxReplicaLagMs: 60_000 }, {}, ['refused']],
    ['a bound of the manager is served by the master', { maxReplicaLagMs: 60_000, fallbackMaster: true }, {}, ['m']],
    ['no bound is served by it', {}, {}, ['a']],
  ])('where no other is left, a read with %s', async (_what, options, read, wanted) => {
    expect(await readers(await accident(options, { b: 'down' }), read)).toEqual(new Set(wanted))
  })

  test('without a bound comes after a replica in doubt', async () => {
    const made = await accident()
    made.host('b').suffer('silent')
    await made.clock.advance(1_700)
    expect(kindsOf(made.db.topology)).toMatchObject({ b: 'suspect replica' })
    const lease = later(made.db.acquireReplica({ timeoutMs: 300 }))
    await made.clock.advance(10)
    made.host('b').become({})
    await made.clock.advance(300)
    expect(hostOf(await lease)).toBe('b')
  })

  test('never serves a read after a token, and is named by the error, the metrics and the events', async () => {
    const made = await accident({}, { b: 'down' })
    const token = await writeAt(made, '0/80')
    const lease = later(made.db.acquireReplica({ after: token, timeoutMs: 300 }))
    await made.clock.advance(300)
    const words = `a:5432 ${DIVERGED} (so it serves no read with a bound on lag or a write token)`
    await expect(lease).rejects.toThrow(words)
    const metrics = made.db.metrics().drivers.find(({ host }) => host === 'a:5432')
    expect(metrics).toMatchObject({ why: DIVERGED, lagMs: undefined, lagBytes: undefined })
    expect(made.events).toContain('replicaDetached a:5432 timeline')
  })

  test('is named within two checks, and serves again when it was rewound', async () => {
    const lines: string[] = []
    const note = (line: string): void => void lines.push(line)
    const logger = { debug: () => undefined, info: note, warn: note, error: note }
    const made = await cluster({ logger })
    made.set({ a: { restart: true, ...ORPHAN } })
    await made.clock.advance(2_100)
    expect(made.events).toContain('replicaDetached a:5432 timeline')
    made.set({ a: { restart: true, role: 'replica', timeline: 1, receiver: 7 } })
    await made.clock.advance(1_100)
    expect(made.events.at(-1)).toBe('replicaFollows a:5432')
    expect(lines.filter((line) => line.includes('a:5432')).slice(-1)).toEqual([
      'hasql: a:5432 follows the master again',
    ])
    expect(lines).toContain(`hasql: a:5432 ${DIVERGED}`)
    expect(await readers(made, { maxLagMs: 60_000 })).toEqual(new Set(['a', 'b']))
  })

  test('is not found where the role may not see positions: a bound of the manager is soft there as ever', async () => {
    const hidden: HostSetting = { role: 'replica', rights: false }
    const made = await cluster({ maxReplicaLagMs: 300 }, { a: hidden, b: hidden })
    expect(await readers(made, {})).toEqual(new Set(['a', 'b']))
  })

  test('is none for 10 s after a failover, while its receiver is away', async () => {
    const made = await cluster({ maxReplicaLagMs: 60_000, acquireTimeoutMs: 20_000 })
    made.set({ m: 'down', a: { role: 'master', timeline: 2, lsn: '0/110' }, b: { receiver: 'none' } })
    await made.clock.advance(9_000)
    expect((await served(made, {}, 100))[0]).toBe('b')
    expect((await served(made, { maxLagMs: 60_000 }, 100))[0]).toBe('b')
  })
})
