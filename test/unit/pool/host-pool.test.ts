import { describe, expect, test } from 'vitest'
import { HostLostError, QueueFullError, UnknownConnectionError } from '../../../src/errors.ts'
import { QUEUE_LIMIT } from '../../../src/pool/checkout.ts'
import { poolRig } from '../../support/pool-rig.ts'
import { coded } from '../../support/scripted/coded.ts'

describe('checking out', () => {
  test('makes a connection, and takes an idle one the next time', async () => {
    const { pool, lease, heard } = poolRig()
    const first = await lease('a')
    expect([pool.leased, pool.size, pool.usage.load]).toEqual([1, 1, 1])
    first.client?.release()
    expect(heard()).toBe('released 1')
    expect([pool.leased, pool.size, pool.usage.load]).toEqual([0, 1, 0])
    const second = await lease('b')
    expect(second.client).toBe(first.client)
  })

  test('law 5: load is our own count: leased, being checked out, and waiting', async () => {
    const { pool, call, clock, driverPool } = poolRig({ manual: true })
    for (const name of ['a', 'b', 'c', 'd']) call(name)
    expect([pool.usage.load, pool.leased, pool.waiting]).toEqual([4, 0, 2])
    driverPool.succeed()
    expect([pool.usage.load, pool.leased, pool.waiting]).toEqual([4, 1, 2])
    driverPool.fail(coded('ECONNREFUSED'))
    await clock.settle()
    expect([pool.usage.load, pool.leased, pool.waiting]).toEqual([3, 1, 1])
  })

  test('never asks the driver for more than its capacity; the rest waits in order', async () => {
    const { pool, call, clock, heard, driverPool } = poolRig({ manual: true })
    const [a] = ['a', 'b', 'c', 'd'].map(call)
    expect(driverPool.connecting).toHaveLength(2)
    driverPool.connectAll()
    expect(heard()).toBe('a granted 1, b granted 2')
    a?.client?.release()
    await clock.settle()
    expect(heard()).toBe('released 1, c granted 1')
    expect(pool.waiting).toBe(1)
  })

  test('law 9: the queue has a bound; one caller more is refused at once, and no host is blamed', () => {
    const { pool, call, heard } = poolRig({ capacity: 1, manual: true })
    for (let index = 0; index <= QUEUE_LIMIT; index += 1) call('x')
    expect([pool.waiting, heard()]).toEqual([QUEUE_LIMIT, ''])
    const last = call('last')
    expect(heard()).toBe('last refused without blame')
    expect(last.error).toEqual(new QueueFullError(QUEUE_LIMIT))
    expect(last.error?.message).toContain('65536 callers are waiting for a connection already')
  })

  test('a connection that is made late goes to the caller who is first by then', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ capacity: 1, manual: true })
    const a = call('a')
    call('b')
    call('c')
    pool.leave(a)
    pool.leave(a)
    driverPool.succeed()
    expect(heard()).toBe('b granted 1')
    await clock.settle()
    expect([pool.waiting, pool.size]).toEqual([1, 1])
  })

  test('law 8: a connection that comes for nobody goes back to the pool, once', async () => {
    const { pool, call, lease, heard, driverPool, clock } = poolRig({ manual: true })
    const a = call('a')
    pool.leave(a)
    driverPool.succeed()
    await clock.settle()
    expect([heard(), pool.usage.load, pool.size, pool.kept.length + driverPool.idle]).toEqual(['', 0, 1, 1])
    expect((await lease('b')).client?.id).toBe(1)
  })

  test('one who leaves the queue never gets a connection, and the others keep their order', async () => {
    const { pool, call, lease, heard, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const [, c] = ['b', 'c', 'd'].map(call)
    if (c !== undefined) pool.leave(c)
    expect(pool.waiting).toBe(2)
    a.client?.release()
    await clock.settle()
    expect(heard()).toBe('released 1, b granted 1')
  })
})

describe('a connect that fails', () => {
  test('is told to the caller and to the manager, with the fault it means', async () => {
    const { pool, host, call, heard, clock } = poolRig()
    host.suffer('down')
    const a = call('a')
    await clock.settle()
    expect(heard()).toBe('host down on 0: db:5432 says ECONNREFUSED, a refused down')
    expect(a.error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(pool.counters.copy()).toMatchObject({ connectErrors: 1, connectionsAdded: 1, connectionsRemoved: 1 })
  })

  test('lets the next in the queue try', async () => {
    const { call, heard, driverPool, clock } = poolRig({ capacity: 1, manual: true })
    call('a')
    call('b')
    driverPool.fail(coded('53300', 'too many'))
    await clock.settle()
    expect(heard()).toBe('host capacity on 0: too many, a refused capacity')
    expect(driverPool.connecting).toHaveLength(1)
    driverPool.succeed()
    expect(heard()).toBe('b granted 2')
  })

  test('is not blamed on the host when the error says nothing of it, nor on a caller who left', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ manual: true })
    call('a')
    driverPool.fail(new Error('what?'))
    await clock.settle()
    expect(heard()).toBe('a refused without blame')
    const b = call('b')
    pool.leave(b)
    driverPool.fail(coded('ECONNREFUSED', 'no'))
    await clock.settle()
    expect(heard()).toBe('host down on 0: no')
  })

  test('carries the generation in which it began', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ manual: true })
    call('a')
    driverPool.fail(coded('ECONNREFUSED', 'no'))
    pool.clear(1, false, new Error('gone'))
    await clock.settle()
    expect(heard()).toBe('a displaced, host down on 0: no')
  })
})

describe('a lease', () => {
  test('ends exactly once: the second release is an error, and ends nobody else’s lease', async () => {
    const { lease, heard, pool } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const late = a.client?.release
    a.client?.release()
    expect(() => late?.()).toThrow(UnknownConnectionError)
    const b = await lease('b')
    expect(b.client).toBe(a.client)
    expect(() => late?.()).toThrow('This connection was released already: release a connection exactly once')
    expect([pool.leased, heard()]).toEqual([1, ''])
  })

  test('disposing ends it; disposing again does nothing', async () => {
    const { lease, heard, pool } = poolRig()
    const a = await lease('a')
    const dispose = a.client?.[Symbol.asyncDispose]
    await dispose?.()
    await dispose?.()
    expect([pool.leased, pool.counters.releases, heard()]).toEqual([0, 1, 'released 1'])
  })

  test('destroys its connection when told to', async () => {
    const { lease, pool, clock, driverPool } = poolRig()
    const a = await lease('a')
    a.client?.release(true)
    await clock.settle()
    expect([pool.size, driverPool.idle]).toEqual([0, 0])
    expect(pool.counters.copy()).toMatchObject({ releases: 1, connectionsAdded: 1, connectionsRemoved: 1 })
  })

  test('of a connection that dies is reclaimed; the holder’s own release finds nothing to do, once', async () => {
    const { lease, pool, host, heard, clock } = poolRig()
    const a = await lease('a')
    for (const connection of host.connections) connection.die(coded('57P01', 'go'))
    await clock.settle()
    expect(heard()).toBe('host lost on 0: go, released 1')
    expect([pool.leased, pool.size, pool.counters.releases]).toEqual([0, 0, 1])
    a.client?.release()
    expect(() => a.client?.release()).toThrow(UnknownConnectionError)
    expect(pool.counters.releases).toBe(1)
  })

  test('on which the role was in doubt is destroyed when it is given back', async () => {
    const { lease, pool, host, heard, clock } = poolRig()
    const a = await lease('a')
    for (const connection of host.connections) connection.complain(coded('25006', 'read-only'))
    expect(heard()).toBe('host role-doubted on 0: read-only')
    a.client?.release()
    await clock.settle()
    expect(pool.size).toBe(0)
  })

  test('on which a statement failed goes on', async () => {
    const { lease, pool, host, heard, clock } = poolRig()
    const a = await lease('a')
    for (const connection of host.connections) connection.complain(coded('23505'))
    a.client?.release()
    await clock.settle()
    expect([heard(), pool.size]).toEqual(['released 1', 1])
  })

  test('that is new tells what its server said of itself, once', async () => {
    const { call, host, heard, clock } = poolRig()
    host.tellsRole = true
    const a = call('a')
    await clock.settle()
    expect(heard()).toBe('standby, a granted 1')
    a.client?.release()
    call('b')
    await clock.settle()
    expect(heard()).toBe('released 1, b granted 1')
  })

  test('whose server pushes a setting is a hint', async () => {
    const { lease, host, heard } = poolRig()
    await lease('a')
    for (const connection of host.connections) connection.hint()
    expect(heard()).toBe('hint')
  })
})

describe('law 3: clearing makes connections of an older generation void', () => {
  test('idle ones are dropped now, leased ones when they come back', async () => {
    const { lease, pool, clock } = poolRig()
    const a = await lease('a')
    const b = await lease('b')
    b.client?.release()
    pool.clear(1, false, new Error('demoted'))
    await clock.settle()
    expect([pool.size, pool.leased]).toEqual([1, 1])
    a.client?.release()
    await clock.settle()
    expect(pool.size).toBe(0)
    expect((await lease('c')).client?.id).toBe(3)
  })

  test('law 12: with interrupt the leased ones reject what hangs on them, and say that the outcome is unknown', async () => {
    const { lease, pool, clock, heard } = poolRig()
    const a = await lease('a')
    const hanging = a.client?.hang()
    const cause = new Error('db:5432 is unreachable')
    pool.clear(1, true, cause)
    await expect(hanging).rejects.toThrow(HostLostError)
    await expect(hanging).rejects.toMatchObject({
      code: 'ERR_HASQL_HOST_LOST',
      host: 'db:5432',
      outcome: 'unknown',
      cause,
      message: 'db:5432 was lost while the connection was leased; the outcome of what was running there is unknown',
    })
    await clock.settle()
    expect([pool.leased, pool.size, heard()]).toEqual([0, 0, 'released 1'])
  })

  test('a fault on an older connection is told with the generation of that connection', async () => {
    const { lease, pool, host, heard } = poolRig()
    pool.clear(1, false, new Error('demoted'))
    await lease('a')
    pool.clear(2, false, new Error('demoted'))
    for (const connection of host.connections) connection.complain(coded('25006', 'read-only'))
    expect(heard()).toBe('host role-doubted on 1: read-only')
  })

  test('all who wait leave before any is told, and may choose this host again', async () => {
    const { lease, pool, call, heard, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const [b] = ['b', 'c'].map(call)
    if (b !== undefined) b.onDisplaced = () => pool.checkOut(b)
    pool.clear(1, false, new Error('demoted'))
    expect(heard()).toBe('b displaced, c displaced')
    expect(pool.waiting).toBe(1)
    a.client?.release()
    await clock.settle()
    expect(heard()).toBe('released 1, b granted 2')
  })

  test('a connection that was being made is of the old generation: its caller is sent on, it is destroyed', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ manual: true })
    call('a')
    pool.clear(1, false, new Error('demoted'))
    await clock.settle()
    expect(heard()).toBe('a displaced')
    expect([pool.size, pool.usage.load, driverPool.open]).toEqual([0, 0, 0])
  })

  test('an idle connection of the old generation that the driver hands out all the same is replaced', async () => {
    const { pool, host, call, lease, heard, clock, driverPool } = poolRig({ capacity: 1 })
    const a = await lease('a')
    a.client?.release()
    const [connection] = host.connections
    if (connection === undefined) throw new Error('no connection')
    connection.interrupt = () => undefined
    pool.clear(1, false, new Error('demoted'))
    heard()
    call('b')
    await clock.settle()
    expect(heard()).toBe('b granted 2')
    expect([pool.size, pool.leased, driverPool.open]).toEqual([1, 1, 1])
  })
})

describe('closing', () => {
  test('rejects all who wait, in the queue and for a connect', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ capacity: 1, manual: true })
    call('a')
    call('b')
    pool.dismiss('closed')
    expect(heard()).toBe('a closed, b closed')
    driverPool.succeed()
    await clock.settle()
    expect([pool.usage.load, driverPool.idle]).toEqual([0, 1])
  })

  test('is idle at once without leases, else when the last one has ended', async () => {
    const { pool, lease, heard, told } = poolRig()
    pool.onIdle(() => told.push('idle'))
    expect(heard()).toBe('idle')
    const a = await lease('a')
    const b = await lease('b')
    pool.onIdle(() => told.push('idle'))
    pool.onIdle(() => told.push('idle too'))
    a.client?.release()
    expect(heard()).toBe('released 1')
    b.client?.release()
    expect(heard()).toBe('released 2, idle, idle too')
    const c = await lease('c')
    c.client?.release()
    expect(heard()).toMatch(/^released \d$/)
  })

  test.each([
    ['busy', 1],
    ['all', 0],
  ] as const)('destroys %s: %i connections are left', async (which, left) => {
    const { pool, lease, clock } = poolRig()
    const a = await lease('a')
    const b = await lease('b')
    b.client?.release()
    const hanging = a.client?.hang()
    pool.destroy(which, new Error('closing'))
    await expect(hanging).rejects.toThrow('closing')
    await clock.settle()
    expect([pool.leased, pool.size]).toEqual([0, left])
  })
})

test('the sums hold: leases handed out have ended or are used, connections made are gone or open', async () => {
  const { pool, lease, host, clock } = poolRig({ capacity: 5 })
  const leases = [await lease('a'), await lease('b'), await lease('c')]
  leases[0]?.client?.release()
  leases[1]?.client?.release(true)
  const [connection] = host.connections
  connection?.die(coded('57P01'))
  await clock.settle()
  const { releases, connectionsAdded, connectionsRemoved } = pool.counters.copy()
  expect(releases + pool.leased).toBe(3)
  expect(connectionsAdded).toBe(connectionsRemoved + pool.size)
})
