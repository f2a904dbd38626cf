import { describe, expect, test } from 'vitest'
import { AccessRefusedError, ManagerClosedError, OptionsError, ReadyTimeoutError } from '../../../src/errors.ts'
import type { ReadyOptions } from '../../../src/manager/lifecycle.ts'
import { finish } from '../../support/scenario.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'
import { untyped } from '../../support/untyped.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const

describe('ready', () => {
  test.each<[string, ReadyOptions]>([
    ['every host, when no count is given', {}],
    ['one of each', { mastersCount: 1, replicasCount: 1 }],
    ['a master', { mastersCount: 1, replicasCount: 0 }],
    ['nothing', { mastersCount: 0, replicasCount: 0 }],
  ])('resolves with %s', async (_what, options) => {
    const { db, clock } = rig(PAIR)
    const ready = settled(db.ready(options))
    await clock.settle()
    expect(ready.state).toBe('resolved')
    await db.ready(options)
  })

  test('waits for the hosts that are missing, and looks again at each topology', async () => {
    const { db, clock, set } = rig({ db1: 'down', db2: 'replica' })
    const waits = [db.ready(), db.waitMastersReady(), db.waitAllReady(), db.waitReplicasReady()].map(settled)
    await clock.advance(1_000)
    expect(waits.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'resolved'])
    set({ db1: 'master' })
    await clock.advance(300)
    expect(waits.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved', 'resolved'])
  })

  test('a suspected host is not ready; it is when it answers again', async () => {
    const { db, clock, host, set } = await startedRig(PAIR)
    await clock.advance(500)
    set({ db1: 'silent', db2: 'silent' })
    for (const name of ['db1', 'db2']) for (const probe of host(name).probes) probe.die(new Error('lost'))
    const waits = [db.waitMastersReady(), db.waitReplicasReady()].map(settled)
    await clock.settle()
    expect(waits.map(({ state }) => state)).toEqual(['pending', 'pending'])
    set(PAIR)
    await clock.advance(50)
    expect(waits.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
  })

  test('says after its time what it wanted and what there was', async () => {
    const { db, clock } = rig({ db1: 'down', db2: 'replica' })
    const [counted, all, quick] = [
      settled(db.ready({ mastersCount: 1, replicasCount: 1 })),
      settled(db.ready()),
      settled(db.waitMastersReady(2, 50)),
    ]
    await clock.advance(50)
    expect(quick.error).toBeInstanceOf(ReadyTimeoutError)
    await clock.advance(9_949)
    expect(counted.state).toBe('pending')
    await clock.advance(1)
    expect(counted.error).toMatchObject({
      code: 'ERR_HASQL_READY_TIMEOUT',
      message:
        'Not ready within 10000 ms: wanted 1 master(s) and 1 replica(s). Hosts: ' +
        'db1:5432 is unreachable for 10.0 s (db1:5432 says ECONNREFUSED); db2:5432 is a replica',
    })
    expect(all.error).toHaveProperty('message', expect.stringMatching(/wanted all hosts\. Hosts: /))
  })

  test('fails at once when every host refuses us', async () => {
    const { db, clock } = rig({ db1: 'refusing', db2: 'refusing' })
    const ready = settled(db.ready())
    await clock.settle()
    expect(ready.error).toBeInstanceOf(AccessRefusedError)
    expect(ready.error).toHaveProperty(
      'message',
      expect.stringMatching(/^No host lets us in\. Hosts: db1:5432 refuses/),
    )
  })

  test.each<[ReadyOptions, string]>([
    [{ mastersCount: 1 }, 'ready takes both mastersCount and replicasCount, or neither: add replicasCount'],
    [{ replicasCount: 1 }, 'ready takes both mastersCount and replicasCount, or neither: add mastersCount'],
    [{ mastersCount: 3, replicasCount: 0 }, 'ready waits for 3 master(s) and 0 replica(s), but the DSN has 2 host(s)'],
    [{ mastersCount: 1, replicasCount: 2 }, 'ready waits for 1 master(s) and 2 replica(s), but the DSN has 2 host(s)'],
    [{ mastersCount: -1, replicasCount: 0 }, 'mastersCount must be a whole number of at least 0, but is -1'],
    [{ mastersCount: 0, replicasCount: 0.5 }, 'replicasCount must be a whole number of at least 0, but is 0.5'],
    [{ timeoutMs: 0 }, 'timeoutMs must be a number of milliseconds from 1 to 2147483647, but is 0'],
    [untyped({ timeout: 5 }), "ready has no option 'timeout'. Did you mean timeoutMs?"],
  ])('%j: %s', async (options, message) => {
    const { db, driver } = rig(PAIR)
    await expect(db.ready(options)).rejects.toThrow(new OptionsError('x', message).message)
    expect(driver.host('db1').probesOpened).toBe(0)
  })
})

describe('waitNextPoolCheck', () => {
  test('resolves when each host was checked once more', async () => {
    const { db, clock, host } = await startedRig(PAIR)
    await clock.advance(500)
    const before = host('db1').questions
    const checked = settled(db.waitNextPoolCheck())
    await clock.settle()
    expect(checked.state).toBe('pending')
    await clock.advance(1_000)
    expect(checked.state).toBe('resolved')
    expect(host('db1').questions).toBeGreaterThan(before)
  })

  test('ends when the manager closes', async () => {
    const story = await startedRig(PAIR)
    const checked = settled(story.db.waitNextPoolCheck())
    await finish(story)
    expect(checked.state).toBe('resolved')
    await expect(story.db.waitNextPoolCheck()).rejects.toThrow(ManagerClosedError)
  })
})

describe('law 15: stop monitors, reject waiters, drain leases, destroy the rest, close pools', () => {
  test('an idle manager closes at once, and leaves nothing', async () => {
    const story = await startedRig(PAIR)
    const { db, clock } = story
    ;(await db.acquireMaster()).release()
    const first = db.close()
    expect([db.closing, db.closed]).toEqual([true, false])
    expect([db.close(), db.terminate(), db[Symbol.asyncDispose]()]).toEqual([first, first, first])
    await first
    expect([db.closing, db.closed, clock.openTimers]).toEqual([true, true, 0])
    await finish(story)
  })

  test('a manager that was never started closes too', async () => {
    const story = rig(PAIR)
    await finish(story)
    expect(story.driver.host('db1').probesOpened).toBe(0)
  })

  test('waiters are rejected at once, for a host, for a connection, and for readiness', async () => {
    const { db, clock, host } = await startedRig({ db1: 'master', db2: 'down' }, { capacity: 1 })
    await db.acquireMaster()
    host('db1').manualConnects = true
    const waits = [db.acquireMaster(), db.acquireReplica(), db.ready()].map((each) => settled<unknown>(each))
    await clock.settle()
    const closing = db.close()
    await clock.settle()
    expect(waits.map(({ error }) => String(error))).toEqual([
      'ManagerClosedError: Cannot acquire a connection: the pool manager is closed. Create a new PoolManager to connect again',
      'ManagerClosedError: Cannot acquire a connection: the pool manager is closed. Create a new PoolManager to connect again',
      'ManagerClosedError: Cannot wait for hosts: the pool manager is closed. Create a new PoolManager to connect again',
    ])
    await clock.advance(5_000)
    await closing
  })

  test('leases may end until the deadline, and the pools close right after the last one', async () => {
    const { db, clock } = await startedRig(PAIR)
    const leases = [await db.acquireMaster(), await db.acquireReplica()]
    const closed = settled(db.close({ timeoutMs: 1_000 }))
    await clock.advance(500)
    leases[0]?.release()
    await clock.settle()
    expect(closed.state).toBe('pending')
    leases[1]?.release()
    await clock.settle()
    expect(closed.state).toBe('resolved')
    expect(clock.openTimers).toBe(0)
  })

  test('what is left at the deadline is destroyed: its queries reject, its release is no error', async () => {
    const { db, clock } = await startedRig(PAIR)
    const lease = await db.acquireMaster()
    const hanging = settled(lease.hang())
    const closed = settled(db.close())
    await clock.advance(4_999)
    expect([closed.state, hanging.state]).toEqual(['pending', 'pending'])
    await clock.advance(1)
    expect(closed.state).toBe('resolved')
    expect(hanging.error).toBeInstanceOf(ManagerClosedError)
    expect(hanging.error).toHaveProperty('message', expect.stringMatching(/^Cannot go on using this connection/))
    lease.release()
  })

  test('terminate destroys at once, also during a patient close', async () => {
    const { db, clock } = await startedRig(PAIR)
    const hanging = settled((await db.acquireMaster()).hang())
    const closed = settled(db.close({ timeoutMs: 60_000 }))
    await clock.advance(1_000)
    expect(hanging.state).toBe('pending')
    void db.terminate()
    await clock.settle()
    expect([closed.state, hanging.state, clock.openTimers]).toEqual(['resolved', 'rejected', 0])
    const other = await startedRig(PAIR)
    const cutOff = settled((await other.db.acquireMaster()).hang())
    await other.db.terminate()
    expect([cutOff.state, other.clock.nowMs()]).toEqual(['rejected', 0])
  })

  test('a pool that does not say goodbye in time is destroyed', async () => {
    const story = await startedRig(PAIR)
    const { db, clock, host } = story
    host('db1').manualConnects = true
    void settled(db.acquireMaster())
    await clock.settle()
    const closed = settled(db.close())
    await clock.advance(249)
    expect(closed.state).toBe('pending')
    await clock.advance(1)
    expect(closed.state).toBe('resolved')
    await finish(story)
  })

  test('closing from within an event is safe', async () => {
    const story = rig(PAIR)
    story.db.on('hostUp', () => void story.db.close())
    story.db.start()
    await story.clock.advance(1_000)
    expect(story.db.closed).toBe(true)
    await finish(story)
  })

  test('a closed manager gives nothing, and says so', async () => {
    const story = await startedRig(PAIR)
    await finish(story)
    await expect(story.db.acquire()).rejects.toThrow(ManagerClosedError)
    await expect(story.db.acquireReplica({ timeoutMs: 5 })).rejects.toThrow(ManagerClosedError)
    await expect(story.db.withMaster(() => 1)).rejects.toThrow(ManagerClosedError)
    await expect(story.db.ready()).rejects.toThrow('Cannot start: the pool manager is closed')
    expect(() => story.db.start()).toThrow(ManagerClosedError)
    expect(story.driver.host('db1').probesOpened).toBe(1)
  })

  test('events end with it', async () => {
    const story = await startedRig(PAIR)
    const heard: string[] = []
    story.db.on('release', () => heard.push('release'))
    await finish(story)
    expect(heard).toEqual([])
  })

  test('the deadline of a close is checked', () => {
    const { db } = rig(PAIR)
    expect(() => db.close({ timeoutMs: -1 })).toThrow(OptionsError)
    expect(db.closing).toBe(false)
  })
})

describe('allowExitOnIdle', () => {
  test.each([
    [false, 2],
    [true, 0],
  ])('%s: %i timers hold the process while the manager is idle', async (allowExitOnIdle, held) => {
    const { clock, driver, db } = await startedRig(PAIR, { allowExitOnIdle })
    expect(clock.holdingTimers).toBe(held)
    expect(driver.poolOptions.map((options) => options.allowExitOnIdle)).toEqual([allowExitOnIdle, allowExitOnIdle])
    const wait = settled(db.acquire({ readOnly: false, timeoutMs: 100 }))
    await clock.settle()
    wait.got.release()
  })

  test('a caller who waits holds the process all the same', async () => {
    const { clock, db } = await startedRig({ db1: 'down' }, { allowExitOnIdle: true })
    void settled(db.acquireMaster())
    await clock.settle()
    expect(clock.holdingTimers).toBe(1)
  })
})
