import { describe, expect, test } from 'vitest'
import { UnknownConnectionError } from '../../../src/errors.ts'
import { MAX_CONNECTING } from '../../../src/pool/supply.ts'
import { poolRig } from '../../support/pool-rig.ts'
import { coded } from '../../support/scripted/coded.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index))

describe('connections under way', () => {
  test('are two at a time, however many callers wait; each one made lets the next begin', async () => {
    const { pool, call, heard, driverPool, clock } = poolRig({ capacity: 6, manual: true })
    for (const name of names(6)) call(name)
    expect([driverPool.connecting.length, pool.waiting, pool.usage.load]).toEqual([MAX_CONNECTING, 4, 6])
    driverPool.succeed()
    expect([heard(), driverPool.connecting.length]).toEqual(['a granted 1', MAX_CONNECTING])
    driverPool.fail(coded('ECONNREFUSED', 'no'))
    await clock.settle()
    expect([heard(), driverPool.connecting.length]).toEqual(['host down on 0: no, b refused down', MAX_CONNECTING])
    expect(pool.size).toBe(3)
  })

  test('do not hold up callers for whom an idle connection is there', async () => {
    const { lease, call, heard, driverPool, clock, host } = poolRig({ capacity: 4 })
    const holders = [await lease('a'), await lease('b'), await lease('c')]
    for (const { client } of holders) client?.release()
    await clock.settle()
    host.manualConnects = true
    heard()
    for (const name of ['d', 'e', 'f', 'g']) call(name)
    await clock.settle()
    expect(heard()).toBe('d granted 3, e granted 2, f granted 1')
    expect(driverPool.connecting).toHaveLength(1)
  })

  test('are two at a time also behind idle ones, and never keep a caller from an idle connection', async () => {
    const { lease, call, heard, driverPool, clock, host } = poolRig({ capacity: 8 })
    const holders = [await lease('a'), await lease('b')]
    for (const { client } of holders) client?.release()
    await clock.settle()
    host.manualConnects = true
    heard()
    const callers = names(8).map((name) => call(name))
    await clock.settle()
    expect([heard(), driverPool.connecting.length]).toEqual(['a granted 2, b granted 1', MAX_CONNECTING])
    // The two connections there are serve everybody, one after the other, while those that hang go on hanging.
    for (const caller of callers) {
      caller.client?.release()
      await clock.settle()
    }
    expect(callers.every(({ client }) => client !== undefined)).toBe(true)
    heard()
    call('late')
    await clock.settle()
    expect(heard()).toMatch(/^late granted [12]$/)
  })

  test('serve whoever has waited longest: one given back meanwhile comes first', async () => {
    const { lease, call, heard, driverPool, clock, host } = poolRig({ capacity: 2 })
    const a = await lease('a')
    host.manualConnects = true
    call('b')
    expect(driverPool.connecting).toHaveLength(1)
    a.client?.release()
    await clock.settle()
    expect(heard()).toBe('released 1, b granted 1')
    call('c')
    driverPool.succeed()
    expect(heard()).toBe('c granted 2')
  })
})

describe('a connection that is given back while others wait', () => {
  test('goes to the next caller without passing through the driver’s pool', async () => {
    const { lease, call, heard, host, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    call('b')
    const [connection] = host.connections
    a.client?.release()
    expect(connection?.checkedOut).toBe(true)
    await clock.settle()
    expect([heard(), connection?.checkedOut]).toEqual(['released 1, b granted 1', true])
  })

  test('law 8: goes not in the same turn, so giving back twice ends nobody else’s lease', async () => {
    const { lease, call, heard, pool, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    call('b')
    a.client?.release()
    expect(() => a.client?.release()).toThrow(UnknownConnectionError)
    await clock.settle()
    expect([heard(), pool.leased]).toEqual(['released 1, b granted 1', 1])
  })

  test.each([
    [49, true],
    [50, false],
  ])('goes to whoever asks %i ms later past the driver’s pool: %s', async (waitMs, isKept) => {
    const { lease, call, heard, host, driverPool, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const [connection] = host.connections
    a.client?.release()
    await clock.advance(waitMs)
    expect([connection?.checkedOut, driverPool.idle]).toEqual([isKept, isKept ? 0 : 1])
    call('b')
    await clock.settle()
    expect([heard(), connection?.checkedOut]).toEqual(['released 1, b granted 1', true])
  })

  test('goes to whoever asks before the turn is over', async () => {
    const { lease, call, heard, host, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const [connection] = host.connections
    a.client?.release()
    call('b')
    expect(connection?.checkedOut).toBe(true)
    expect(() => a.client?.release()).toThrow(UnknownConnectionError)
    await clock.settle()
    expect([heard(), connection?.checkedOut]).toEqual(['released 1, b granted 1', true])
  })

  test('is kept for a while, the one used last to be taken first', async () => {
    const { pool, lease, call, heard, clock, driverPool } = poolRig({ capacity: 3 })
    const [a, b] = [await lease('a'), await lease('b')]
    b.client?.release()
    a.client?.release()
    expect([pool.kept.length, pool.kept.warmed, pool.usage.load]).toEqual([2, 0, 0])
    heard()
    for (const name of ['c', 'd']) call(name)
    await clock.settle()
    expect([heard(), driverPool.idle]).toEqual(['c granted 1, d granted 2', 0])
  })

  test('goes to the driver’s pool when somebody asks that for one, and after the manager closed', async () => {
    const { pool, lease, clock, driverPool } = poolRig({ capacity: 2 })
    const [a, b] = [await lease('a'), await lease('b')]
    a.client?.release()
    expect([pool.kept.length, driverPool.idle]).toEqual([1, 0])
    pool.kept.clear()
    expect([pool.kept.length, driverPool.idle]).toEqual([0, 1])
    pool.dismiss('closed')
    b.client?.release()
    await clock.settle()
    expect([pool.kept.length, driverPool.idle, clock.openTimers]).toEqual([0, 2, 0])
  })

  test('is given back, too, when it dies while it is kept', async () => {
    const { pool, lease, call, heard, clock, host, driverPool } = poolRig({ capacity: 1 })
    const a = await lease('a')
    a.client?.release()
    const [connection] = host.connections
    connection?.interrupt(new Error('killed'))
    await clock.settle()
    expect([pool.kept.length, pool.size, driverPool.idle]).toEqual([0, 0, 0])
    heard()
    call('b')
    await clock.settle()
    expect(heard()).toBe('b granted 2')
  })

  test('is kept when the caller left meanwhile', async () => {
    const { lease, call, heard, pool, driverPool, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    const b = call('b')
    a.client?.release()
    pool.leave(b)
    await clock.settle()
    expect([heard(), pool.usage.load, pool.kept.length, driverPool.idle]).toEqual(['released 1', 0, 1, 0])
  })

  test('is destroyed when it became void on the way', async () => {
    const { lease, call, heard, pool, clock } = poolRig({ capacity: 1 })
    const a = await lease('a')
    call('b')
    a.client?.release()
    pool.clear(1, false, new Error('gone'))
    await clock.settle()
    expect([heard(), pool.size]).toEqual(['released 1, b displaced', 0])
    call('c')
    await clock.settle()
    expect(heard()).toBe('c granted 2')
  })
})

describe('warming', () => {
  test('makes connections one by one until there are enough, and then leaves them idle', async () => {
    const { pool, driverPool, clock } = poolRig({ capacity: 5 })
    for (const size of [1, 2, 3]) {
      expect(pool.warm(3)).toBe(true)
      await clock.settle()
      expect([pool.size, pool.kept.warmed, driverPool.idle]).toEqual([size, size, 0])
    }
    expect(pool.warm(3)).toBe(false)
    expect([pool.kept.warmed, driverPool.idle, pool.usage.load]).toEqual([0, 3, 0])
  })

  test('counts what is there already', async () => {
    const { pool, lease, clock } = poolRig({ capacity: 5 })
    const a = await lease('a')
    a.client?.release()
    expect(pool.warm(2)).toBe(true)
    await clock.settle()
    expect([pool.size, pool.kept.warmed]).toEqual([2, 2])
    expect(pool.warm(2)).toBe(false)
  })

  test('stops at the capacity, leases included', async () => {
    const { pool, lease, clock, driverPool } = poolRig({ capacity: 2 })
    await lease('a')
    expect(pool.warm(9)).toBe(true)
    await clock.settle()
    expect(pool.warm(9)).toBe(false)
    expect([pool.size, driverPool.idle]).toEqual([2, 1])
  })

  test('lends what it has put aside to whoever comes', async () => {
    const { pool, call, clock, heard } = poolRig({ capacity: 3 })
    pool.warm(2)
    await clock.settle()
    call('a')
    await clock.settle()
    expect([heard(), pool.kept.warmed]).toEqual(['a granted 1', 0])
  })

  test('leaves callers the way: while one waits it makes nothing', async () => {
    const { pool, call, driverPool } = poolRig({ capacity: 4, manual: true })
    call('a')
    expect([pool.warm(4), driverPool.connecting.length]).toEqual([true, 1])
  })

  test('ends with a connect that fails: what was put aside is idle', async () => {
    const { pool, driverPool, clock, host, heard } = poolRig({ capacity: 3 })
    pool.warm(3)
    await clock.settle()
    host.suffer('full')
    pool.warm(3)
    await clock.settle()
    expect([heard(), pool.kept.warmed, driverPool.idle]).toEqual(['host capacity on 0: db:5432 says 53300', 0, 1])
  })

  test('forgets a connection that dies, and destroys those that become void', async () => {
    const { pool, clock, host } = poolRig({ capacity: 3 })
    for (let count = 0; count < 2; count += 1) {
      pool.warm(3)
      await clock.settle()
    }
    const [first] = host.connections
    first?.die(coded('57P01'))
    await clock.settle()
    expect([pool.kept.warmed, pool.size]).toEqual([1, 1])
    pool.clear(1, false, new Error('gone'))
    await clock.settle()
    expect([pool.kept.warmed, pool.size, host.connections.size]).toEqual([0, 0, 0])
  })

  test('lends nothing that died before the pool heard of it', async () => {
    const { pool, clock, host, call, heard } = poolRig({ capacity: 2 })
    pool.warm(2)
    await clock.settle()
    const [first] = host.connections
    first?.interrupt(new Error('cut'))
    call('a')
    await clock.settle()
    expect(heard()).toBe('a granted 2')
  })

  test('gives everything to the driver’s pool when the manager closes', async () => {
    const { pool, clock, driverPool } = poolRig({ capacity: 2 })
    pool.warm(2)
    await clock.settle()
    pool.dismiss('closed')
    expect([pool.kept.warmed, driverPool.idle]).toEqual([0, 1])
  })
})
