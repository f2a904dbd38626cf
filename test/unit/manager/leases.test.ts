import { describe, expect, test } from 'vitest'
import { HostLostError, OptionsError, UnknownConnectionError } from '../../../src/errors.ts'
import { finish } from '../../support/scenario.ts'
import { coded } from '../../support/scripted/coded.ts'
import { ScriptedClient } from '../../support/scripted/connection.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'
import { untyped } from '../../support/untyped.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const

describe('release', () => {
  test('gives back, or destroys', async () => {
    const { db, clock, host } = await startedRig(PAIR)
    db.release(await db.acquireMaster())
    await clock.settle()
    expect(db.metrics().drivers[0]?.idle).toBe(1)
    db.release(await db.acquireMaster(), { destroy: true })
    await clock.settle()
    expect(host('db1').pool?.open).toBe(0)
  })

  test('is the same as the driver’s own, and as await using', async () => {
    const { clock, db } = await startedRig(PAIR)
    const connection = await db.acquireMaster()
    connection.release()
    expect(() => db.release(connection)).toThrow(UnknownConnectionError)
    {
      await using again = await db.acquireMaster()
      expect(again).toBe(connection)
    }
    {
      await using early = await db.acquireMaster()
      early.release()
    }
    expect(db.metrics().drivers[0]).toMatchObject({ acquires: 3, releases: 3, used: 0 })
    await clock.settle()
    expect(db.metrics().drivers[0]?.idle).toBe(1)
  })

  test('of a foreign connection is an error that says which', async () => {
    const { db } = await startedRig(PAIR)
    const other = await (await startedRig(PAIR)).db.acquireMaster()
    for (const foreign of [other, new ScriptedClient('db1:5432', 1), untyped(undefined), untyped('connection')]) {
      expect(() => db.release(foreign)).toThrow('This connection was not acquired from this pool manager')
      expect(() => db.isConnectionClosed(foreign)).toThrow(UnknownConnectionError)
    }
    other.release()
  })

  test('of a connection whose host died is no error', async () => {
    const { db, host, clock } = await startedRig(PAIR)
    const connection = await db.acquireMaster()
    expect(db.isConnectionClosed(connection)).toBe(false)
    host('db1').suffer('down')
    await clock.settle()
    expect(db.isConnectionClosed(connection)).toBe(true)
    db.release(connection)
    connection.release()
  })
})

describe('with a connection', () => {
  test('returns what the function returns, and gives the connection back', async () => {
    const { db } = await startedRig(PAIR)
    expect(await db.withMaster((connection) => connection.hostId)).toBe('db1:5432')
    expect(await db.withReplica((connection) => Promise.resolve(connection.hostId))).toBe('db2:5432')
    expect(await db.withConnection({ readOnly: true }, ({ hostId }) => hostId)).toBe('db2:5432')
    expect(db.metrics().drivers.map(({ used, total }) => [used, total])).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  test.each([
    ['a constraint', coded('23505'), 1],
    ['a plain error', new Error('a bug'), 1],
    ['no error at all', 'oops', 1],
    ['a wrong role', coded('25006'), 0],
    ['a lost connection', coded('57P01'), 0],
    ['a reset', coded('ECONNRESET'), 0],
  ])('a rejection by %s is passed on', async (_what, thrown, left) => {
    const { db, clock } = await startedRig(PAIR)
    const run = settled(db.withMaster(() => Promise.reject(thrown as Error)))
    await clock.settle()
    expect(run.error).toBe(thrown)
    expect(db.metrics().drivers[0]).toMatchObject({ used: 0, total: left })
    await expect(
      db.withMaster(() => {
        throw thrown as Error
      }),
    ).rejects.toBe(thrown)
  })

  test('that the function gave back itself ends nobody else’s lease', async () => {
    const { db, clock } = await startedRig(PAIR, { capacity: 1 })
    let finishLater = (): void => undefined
    const later = new Promise<void>((resolve) => (finishLater = resolve))
    const run = settled(
      db.withMaster((connection) => {
        connection.release()
        return later
      }),
    )
    await clock.settle()
    const other = await db.acquireMaster()
    finishLater()
    await clock.settle()
    expect(run.state).toBe('resolved')
    expect(db.metrics().drivers[0]).toMatchObject({ used: 1, acquires: 2, releases: 1 })
    other.release()
    expect(db.metrics().drivers[0]?.used).toBe(0)
  })

  test('whose host dies meanwhile rejects, and gives nothing back twice', async () => {
    const story = await startedRig(PAIR)
    const run = settled(story.db.withMaster((connection) => connection.hang()))
    await story.clock.settle()
    story.set({ db1: 'down' })
    await story.clock.advance(50)
    expect(run.error).toMatchObject({ code: '57P01' })
    expect(story.db.metrics().drivers[0]).toMatchObject({ used: 0, total: 0, acquires: 1, releases: 1 })
    await finish(story)
  })
})

describe('law 2: a host becomes unreachable and its pool is cleared in the same turn', () => {
  test('what listens to the one sees the other', async () => {
    const { db, clock, set, host } = await startedRig(PAIR)
    ;(await db.acquireReplica()).release()
    const seen: unknown[] = []
    db.on('hostDown', () => {
      const fresh = host('db2').pool?.idle
      seen.push([db.topology.hosts.get(untyped('db2:5432'))?.kind, db.getReplicaPools(), fresh])
    })
    await clock.advance(500)
    set({ db2: 'silent' })
    await clock.advance(2_500)
    expect(seen).toEqual([['unreachable', [], 0]])
  })
})

describe('law 12: a frozen host', () => {
  test('its idle connections are dropped and its hung queries reject, at the second sign', async () => {
    const { db, clock, set, host } = await startedRig(PAIR, { random: () => 0 })
    const used = await db.acquireMaster()
    ;(await db.acquireMaster()).release()
    const query = settled(used.hang())
    await clock.advance(500)
    set({ db1: 'silent' })
    await clock.advance(2_499)
    expect([query.state, host('db1').connections.size]).toEqual(['pending', 2])
    await clock.advance(1)
    expect(query.error).toBeInstanceOf(HostLostError)
    expect(query.error).toMatchObject({ host: 'db1:5432', outcome: 'unknown', cause: { name: 'HasqlError' } })
    expect(query.error).toHaveProperty(
      'cause.message',
      'db1:5432 is unreachable (db1:5432 did not answer a probe within 1000 ms)',
    )
    expect(host('db1').connections.size).toBe(0)
    used.release()
  })
})

describe('law 7: whoever waits for a connection of a host chooses again when the host is another', () => {
  test('a write that waits at a full master goes to the new one', async () => {
    const { db, clock, set } = await startedRig(PAIR, { capacity: 1 })
    await db.acquireMaster()
    const write = settled(db.acquireMaster())
    await clock.advance(10)
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_100)
    expect(write.got.hostId).toBe('db2:5432')
  })

  test('a read that waits for a connect to a replica that is promoted does not end on the master', async () => {
    const { db, clock, set, host } = await startedRig({ ...PAIR, db3: 'down' })
    host('db2').manualConnects = true
    const read = settled(db.acquireReplica())
    await clock.advance(10)
    set({ db2: { role: 'master', timeline: 2 }, db3: 'replica' })
    await clock.advance(1_100)
    host('db2').pool?.succeed()
    await clock.advance(1_100)
    expect(read.got.hostId).toBe('db3:5432')
  })
})

describe('law 3: a connection of an older generation', () => {
  test('is destroyed when it comes back', async () => {
    const { db, clock, set, host } = await startedRig(PAIR)
    const write = await db.acquireMaster()
    set({ db1: 'replica' })
    await clock.advance(1_100)
    expect(db.isConnectionClosed(write)).toBe(false)
    write.release()
    await clock.settle()
    expect(host('db1').pool?.open).toBe(0)
  })

  test('a promotion keeps the connections', async () => {
    const { db, clock, set, host } = await startedRig(PAIR)
    ;(await db.acquireReplica()).release()
    set({ db1: 'down', db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_100)
    expect(host('db2').pool?.open).toBe(1)
    expect((await db.acquireMaster()).id).toBe(1)
  })
})

describe('law 11: a sign on a pooled connection asks for a probe, and grants nothing', () => {
  test.each([
    // The open connection may lead to another server than the one that refused: a fresh one is asked, too.
    ['25006', 'suspect master', 2],
    ['57P01', 'master', 1],
  ])('%s: %s until the probe answers', async (code, kind, asked) => {
    const { db, clock, host } = await startedRig(PAIR)
    await clock.advance(500)
    await db.acquireMaster()
    const before = host('db1').questions
    host('db1').trouble = 'silent'
    for (const connection of host('db1').connections) connection.complain(coded(code))
    await clock.advance(0)
    expect(host('db1').questions).toBe(before + asked)
    const [host1] = db.topology.hosts.values()
    expect(
      host1 !== undefined && 'suspicion' in host1 && host1.suspicion !== undefined ? 'suspect master' : 'master',
    ).toBe(kind)
    host('db1').become({})
    await clock.advance(50)
    expect(db.masterPoolCount).toBe(1)
  })

  test('a master under suspicion gets no new lease until the next probe answers', async () => {
    const { db, clock, host } = await startedRig(PAIR)
    await clock.advance(500)
    await db.acquireMaster()
    for (const connection of host('db1').connections) connection.complain(coded('25006'))
    const write = settled(db.acquireMaster())
    expect(db.masterPoolCount).toBe(0)
    await clock.advance(1)
    expect(write.got.hostId).toBe('db1:5432')
  })

  test('a pushed setting asks for a probe', async () => {
    const { db, clock, host, set } = await startedRig(PAIR)
    await clock.advance(500)
    await db.acquireReplica()
    set({ db1: 'down', db2: { role: 'master', timeline: 2 } })
    for (const connection of host('db2').connections) connection.hint()
    await clock.advance(1)
    expect(db.metrics().drivers[1]?.state).toBe('master')
  })

  test('a server that tells a new connection of another role than its host has asks for a probe', async () => {
    const { db, clock, host, set } = await startedRig(PAIR)
    host('db2').tellsRole = true
    await clock.advance(500)
    await db.acquireReplica()
    await clock.advance(1)
    const asked = host('db2').askedAtMs.length
    set({ db1: 'down', db2: { role: 'master', timeline: 2 } })
    await db.acquireReplica()
    await clock.advance(1)
    expect(host('db2').askedAtMs.length).toBe(asked + 1)
    expect(db.metrics().drivers[1]?.state).toBe('master')
  })
})

test('a pool that is not of this manager is an error', async () => {
  const { db } = await startedRig(PAIR)
  const [pool] = db.pools
  expect(() => db.host({ hostId: 'db1:5432' })).toThrow(OptionsError)
  expect(() => db.getPoolFreeSize(untyped(undefined))).toThrow(
    'The pool is not one of this pool manager: take it from pools',
  )
  expect(pool === undefined ? '' : db.host(pool)).toBe('db1:5432')
})
