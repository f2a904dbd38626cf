import { describe, expect, test } from 'vitest'
import { AcquireTimeoutError } from '../../../src/errors.ts'
import { coded } from '../../support/scripted/coded.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { finish } from '../../support/scenario.ts'
import { settled } from '../../support/settled.ts'

const TRIO = { db1: 'master', db2: 'replica', db3: 'replica' } as const
const HOUR_MS = 3_600_000

describe('law 13: an acquire’s deadline after a stall', () => {
  test('a connection that was made meanwhile is leased, though the deadline fired first', async () => {
    const story = await startedRig(TRIO)
    const { db, clock, host } = story
    host('db1').manualConnects = true
    const write = settled(db.acquireMaster({ timeoutMs: 1_000 }))
    await clock.settle()
    clock.arrive(() => host('db1').pool?.succeed())
    await clock.stall(2_500)
    write.got.release()
    expect(db.metrics().hasql.acquireTimeouts).toBe(0)
    await finish(story)
  })

  test('a master that was found meanwhile is leased', async () => {
    const story = await startedRig({ db1: 'down', db2: 'replica' })
    const { db, clock, host, set } = story
    const write = settled(db.acquireMaster({ timeoutMs: 1_000 }))
    await clock.advance(200)
    set({ db2: 'silent' })
    await clock.advance(20)
    clock.arrive(() => host('db2').become({ role: 'master', timeline: 2 }))
    await clock.stall(5_000)
    expect(write.got.hostId).toBe('db2:5432')
    write.got.release()
    await finish(story)
  })

  test('one for which nothing has come ends, as it would have, once what came was read', async () => {
    const story = await startedRig(TRIO)
    const { db, clock, host } = story
    host('db1').manualConnects = true
    const write = settled(db.acquireMaster({ timeoutMs: 1_000 }))
    await clock.settle()
    await clock.stall(2_500)
    expect(write.error).toBeInstanceOf(AcquireTimeoutError)
    host('db1').pool?.succeed()
    await finish(story)
  })

  test('a deadline that is not over yet is as far away as it was: a stall shortens no acquire', async () => {
    const story = await startedRig({ db1: 'down' })
    const { db, clock } = story
    const write = settled(db.acquireMaster({ timeoutMs: 5_000 }))
    await clock.stall(3_000)
    await clock.advance(1_999)
    expect(write.state).toBe('pending')
    await clock.advance(1)
    expect(write.error).toBeInstanceOf(AcquireTimeoutError)
    await finish(story)
  })
})

describe('law 13: the clock leaps by an hour, as when a machine was suspended', () => {
  test('during a round: it is void for each host and counted, and no host is blamed', async () => {
    const story = await startedRig(TRIO, { random: () => 0 })
    const { db, clock, events, set } = story
    set({ db1: 'silent', db2: 'silent', db3: 'silent' })
    await clock.advance(1_100)
    events.length = 0
    await clock.stall(HOUR_MS)
    expect(db.metrics().hasql.stalls).toBe(3)
    set(TRIO)
    await clock.advance(10_000)
    expect([events, db.masterPoolCount, db.replicaPoolCount]).toEqual([[], 1, 2])
    expect(db.metrics().hasql).toMatchObject({ stalls: 3, failovers: 0, outageMs: 0 })
    await finish(story)
  })

  test('between rounds: the next one begins at once, and nothing is counted', async () => {
    const story = await startedRig(TRIO, { random: () => 0 })
    const { db, clock, events, host } = story
    await clock.advance(1_500)
    events.length = 0
    const asked = host('db1').questions
    await clock.stall(HOUR_MS)
    // The open connection is asked once; a fresh one, whose time has come as well, for its identity and its role.
    expect(host('db1').questions).toBe(asked + 3)
    await clock.advance(10_000)
    expect([events, db.metrics().hasql.stalls]).toEqual([[], 0])
    await finish(story)
  })

  test('one grace round, not two: a host that stays silent is given up as ever', async () => {
    const story = await startedRig(TRIO, { random: () => 0 })
    const { db, clock, events, set } = story
    set({ db2: 'silent' })
    await clock.advance(1_100)
    await clock.stall(HOUR_MS)
    events.length = 0
    await clock.advance(999)
    expect(events).toEqual([])
    await clock.advance(1_100)
    expect(events).toEqual(['hostDown db2:5432 unreachable'])
    expect(db.metrics().hasql.stalls).toBe(1)
    await finish(story)
  })

  test('connections that the servers ended meanwhile are made anew, and no host is down', async () => {
    const story = await startedRig(TRIO)
    const { db, clock, events, driver } = story
    const lease = await db.acquireMaster()
    lease.release()
    await clock.advance(1_500)
    events.length = 0
    clock.arrive(() => {
      for (const host of driver.hosts) {
        for (const probe of [...host.probes]) probe.die(coded('57P05'))
        for (const connection of [...host.connections]) connection.die(coded('57P05'))
      }
    })
    await clock.stall(HOUR_MS)
    await clock.advance(100)
    const again = await db.acquireMaster()
    again.release()
    expect(events).toEqual([])
    await finish(story)
  })
})
