import { describe, expect, test } from 'vitest'
import { RoundRobinBalancerPolicy } from '../../../src/balancer/round-robin.ts'
import { AcquireAbortedError, QueueFullError } from '../../../src/errors.ts'
import { QUEUE_LIMIT } from '../../../src/pool/checkout.ts'
import { finish } from '../../support/scenario.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'
import { fiveSigma, frequencies } from '../../support/seeded-random.ts'
import { settled } from '../../support/settled.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const
const TRIO = { ...PAIR, db3: 'replica' } as const

describe('acquire', () => {
  test('starts watching, and leases as soon as a suitable host is known', async () => {
    const { db, clock } = rig(PAIR)
    const [write, read] = [settled(db.acquireMaster()), settled(db.acquireReplica())]
    await clock.settle()
    expect([write.got.hostId, read.got.hostId]).toEqual(['db1:5432', 'db2:5432'])
  })

  test.each([
    ['', 'db1:5432'],
    ['target_session_attrs=primary', 'db1:5432'],
    ['target_session_attrs=standby', 'db2:5432'],
    ['target_session_attrs=prefer-standby', 'db2:5432'],
  ])('without options follows the DSN (%s)', async (query, host) => {
    const { db } = await startedRig(PAIR, { query })
    expect((await db.acquire()).hostId).toBe(host)
    expect((await db.acquire({ timeoutMs: 100 })).hostId).toBe(host)
  })

  test('of any host takes either', async () => {
    const { db } = await startedRig(PAIR, { query: 'target_session_attrs=any', capacity: 3 })
    const hosts = []
    for (let index = 0; index < 6; index += 1) hosts.push((await db.acquire()).hostId)
    expect(new Set(hosts).size).toBe(2)
  })

  test('of a replica falls back to the master only when told to', async () => {
    const { db, clock } = await startedRig({ db1: 'master', db2: 'down' })
    expect((await db.acquire({ readOnly: true, fallbackMaster: true })).hostId).toBe('db1:5432')
    const waiting = settled(db.acquireReplica({ timeoutMs: 50 }))
    await clock.advance(49)
    expect(waiting.state).toBe('pending')
    await clock.advance(1)
    expect(waiting.error).toMatchObject({ reason: 'no-suitable-host' })
  })

  test('the master takes its share of the reads', async () => {
    const { db } = await startedRig(TRIO, { masterAsReplicaWeight: 0.1 })
    const hosts: string[] = []
    for (let index = 0; index < 4_000; index += 1) {
      const connection = await db.acquireReplica()
      hosts.push(connection.hostId)
      connection.release()
    }
    const shares = frequencies(4_000, () => hosts.pop() ?? '')
    expect(Math.abs((shares.get('db1:5432') ?? 0) - 0.1)).toBeLessThan(fiveSigma(0.1, 4_000))
  })

  test('prefers the near zone, and a host with weight', async () => {
    const hosts = { 'db2:5432': { weight: 0 }, 'db3:5432': { zone: 'far' } }
    const { db } = await startedRig(TRIO, { hosts, preferZone: 'near' })
    expect((await db.acquireReplica()).hostId).toBe('db3:5432')
    const zoned = await startedRig(TRIO, { hosts: { 'db3:5432': { zone: 'near' } }, preferZone: 'near' })
    expect((await zoned.db.acquireReplica()).hostId).toBe('db3:5432')
  })
})

describe('law 6: one deadline covers waiting for a host, for a connection, and retries', () => {
  test('whatever happens on the way', async () => {
    const { db, clock, host, set } = await startedRig({ db1: 'down' }, { capacity: 1 })
    const late = settled(db.acquireMaster({ timeoutMs: 1_000 }))
    await clock.advance(300)
    host('db1').manualConnects = true
    set({ db1: 'master' })
    await clock.advance(300)
    expect(host('db1').pool?.connecting).toHaveLength(1)
    host('db1').pool?.fail(Object.assign(new Error('no slot'), { code: '53300' }))
    await clock.advance(399)
    expect(late.state).toBe('pending')
    await clock.advance(1)
    expect(late.state).toBe('rejected')
    expect(late.error).toMatchObject({ reason: 'connect-failed' })
  })

  test('many deadlines of many lengths each end at their own time', async () => {
    const { db, clock } = await startedRig({ db1: 'down' })
    const waits = [50, 10, 40, 20].map((timeoutMs) => settled(db.acquireMaster({ timeoutMs })))
    const ended: number[] = []
    for (let now = 1; now <= 60; now += 1) {
      await clock.advance(1)
      for (const wait of waits)
        if (wait.state !== 'pending' && !ended.includes(waits.indexOf(wait))) ended.push(waits.indexOf(wait))
    }
    expect(ended).toEqual([1, 3, 2, 0])
    expect(clock.nowMs()).toBe(60)
  })
})

describe('a host that refuses', () => {
  test('is put last: the acquire goes on to the next one at once', async () => {
    const { db, host, clock } = await startedRig(TRIO, { balancerPolicy: new RoundRobinBalancerPolicy() })
    host('db2').trouble = 'full'
    for (let index = 0; index < 4; index += 1) {
      const read = settled(db.acquireReplica())
      await clock.settle()
      expect(read.got.hostId).toBe('db3:5432')
    }
  })

  test('when all refuse, they are asked again after a pause that doubles, up to 250 ms', async () => {
    const { db, host, clock } = await startedRig({ db1: 'master' }, { random: () => 1 - Number.EPSILON })
    host('db1').trouble = 'full'
    const attempts: number[] = []
    host('db1').connectError = () => {
      attempts.push(clock.nowMs())
      return Object.assign(new Error('sorry, too many clients already'), { code: '53300' })
    }
    const write = settled(db.acquireMaster({ timeoutMs: 880 }))
    await clock.advance(880)
    expect(attempts.map(Math.round)).toEqual([0, 20, 60, 140, 300, 550, 800])
    expect(write.error).toMatchObject({ reason: 'connect-failed' })
    expect(write.error).toHaveProperty(
      'message',
      'No connection to a master could be made within 880 ms (last error: sorry, too many clients already). ' +
        'Hosts: db1:5432 is the master',
    )
  })

  test('a new topology cuts the pause short', async () => {
    const { db, host, clock, set } = await startedRig({ db1: 'master', db2: 'replica' })
    host('db1').trouble = 'full'
    const write = settled(db.acquireMaster())
    await clock.settle()
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(110)
    expect(write.got.hostId).toBe('db2:5432')
  })

  test('callers woken together are spread by a round robin', async () => {
    const policy = new RoundRobinBalancerPolicy()
    const { db, host, clock } = await startedRig(TRIO, { balancerPolicy: policy })
    for (const name of ['db2', 'db3']) host(name).trouble = 'full'
    const reads = Array.from({ length: 4 }, () => settled(db.acquireReplica()))
    await clock.settle()
    for (const name of ['db2', 'db3']) host(name).trouble = 'none'
    await clock.advance(1_100)
    const counts = frequencies(4, () => reads.pop()?.got.hostId ?? '')
    expect([...counts.values()]).toEqual([0.5, 0.5])
  })
})

describe('law 8: a caller who gives up leaks nothing', () => {
  test('aborted before it began', async () => {
    const { db, host } = await startedRig(PAIR)
    const reason = new Error('the user left')
    const error: unknown = await db
      .acquireMaster({ signal: AbortSignal.abort(reason) })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AcquireAbortedError)
    expect(error).toMatchObject({ code: 'ERR_HASQL_ABORTED', cause: reason })
    expect(host('db1').connections.size).toBe(0)
  })

  test('aborted while waiting for a host', async () => {
    const story = await startedRig({ db1: 'down' })
    const abort = new AbortController()
    const write = settled(story.db.acquireMaster({ signal: abort.signal }))
    await story.clock.settle()
    expect(story.db.metrics().hasql.waiters).toBe(1)
    abort.abort()
    await story.clock.settle()
    expect([write.state, story.db.metrics().hasql.waiters]).toEqual(['rejected', 0])
    await finish(story)
  })

  test('aborted while a connection is made: it goes back to the pool, and to the next caller', async () => {
    const story = await startedRig({ db1: 'master' }, { capacity: 1 })
    const { db, clock, host } = story
    host('db1').manualConnects = true
    const abort = new AbortController()
    const write = settled(db.acquireMaster({ signal: abort.signal }))
    await clock.settle()
    abort.abort()
    host('db1').pool?.succeed()
    await clock.settle()
    expect(write.error).toBeInstanceOf(AcquireAbortedError)
    expect(db.metrics().drivers[0]).toMatchObject({ used: 0, total: 1, acquires: 0 })
    expect((await db.acquireMaster()).id).toBe(1)
    await clock.settle()
  })

  test('aborted while queued at a full pool', async () => {
    const { db, clock } = await startedRig({ db1: 'master' }, { capacity: 1 })
    const first = await db.acquireMaster()
    const abort = new AbortController()
    const [gone, next] = [settled(db.acquireMaster({ signal: abort.signal })), settled(db.acquireMaster())]
    abort.abort()
    first.release()
    await clock.settle()
    expect([gone.state, next.state]).toEqual(['rejected', 'resolved'])
  })

  test('aborted after it was granted: nothing happens, and the signal is left alone', async () => {
    const { db, clock } = await startedRig(PAIR)
    const abort = new AbortController()
    const listeners = { added: 0, removed: 0 }
    const { signal } = abort
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.added += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.removed += 1
      remove(...args)
    }
    const connection = await db.acquireMaster({ signal })
    abort.abort()
    await clock.settle()
    expect(listeners).toEqual({ added: 1, removed: 1 })
    expect(db.metrics().drivers[0]?.used).toBe(1)
    connection.release()
  })

  test('out of time while a connection is made: it is pooled when it comes', async () => {
    const story = await startedRig({ db1: 'master' }, { capacity: 1 })
    const { db, clock, host } = story
    host('db1').manualConnects = true
    const write = settled(db.acquireMaster({ timeoutMs: 100 }))
    await clock.advance(100)
    expect(write.error).toMatchObject({ reason: 'connect-failed' })
    host('db1').pool?.succeed()
    await clock.settle()
    expect(db.metrics().drivers[0]).toMatchObject({ used: 0, total: 1 })
    await finish(story)
  })
})

test('more callers than the queue may hold are refused at once', async () => {
  // 65536 stacks are of no use to anybody.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const story = await startedRig({ db1: 'master' }, { capacity: 1 })
  await story.db.acquireMaster()
  let rejected = 0
  for (let index = 0; index < QUEUE_LIMIT; index += 1) story.db.acquireMaster().catch(() => (rejected += 1))
  const last = settled(story.db.acquireMaster())
  await story.clock.settle()
  expect(last.error).toEqual(new QueueFullError(QUEUE_LIMIT))
  expect(rejected).toBe(0)
  await finish(story)
  expect(rejected).toBe(QUEUE_LIMIT)
  Error.stackTraceLimit = stackTraceLimit
})
