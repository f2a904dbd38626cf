import { describe, expect, test } from 'vitest'
import { Growth } from '../../../src/pool/growth.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { poolRig } from '../../support/pool-rig.ts'
import type { PoolRig } from '../../support/pool-rig.ts'

const TEN_SECONDS = 10_000

/** Callers `a`, `b`, `c` and so on, who keep what they get. */
function callAll({ call }: PoolRig, count: number): void {
  for (let index = 0; index < count; index += 1) call(String.fromCharCode(97 + index))
}

describe('law 9: the pool of a host that recovers', () => {
  test('makes one connection at once, and further ones after pauses while callers still wait', async () => {
    const rig = poolRig({ capacity: 10 })
    rig.pool.recover()
    callAll(rig, 6)
    await rig.clock.settle()
    expect([rig.heard(), rig.pool.size]).toEqual(['a granted 1', 1])
    await rig.clock.advance(500)
    expect(rig.heard()).toMatch(/^b granted 2/)
    await rig.clock.advance(1_000)
    expect([rig.pool.size, rig.clock.openTimers]).toEqual([6, 0])
  })

  test('makes none for callers who are served by the first before the pause is over', async () => {
    const rig = poolRig({ capacity: 10 })
    rig.pool.recover()
    const callers = ['a', 'b', 'c'].map((name) => rig.call(name))
    for (const caller of callers) {
      await rig.clock.settle()
      caller.client?.release()
    }
    await rig.clock.settle()
    await rig.clock.advance(1_000)
    expect(rig.heard()).toBe('a granted 1, released 1, b granted 1, released 1, c granted 1, released 1')
    expect([rig.pool.size, rig.clock.openTimers]).toEqual([1, 0])
  })

  test('pauses the less, the more connections there are', async () => {
    const rig = poolRig({ capacity: 40 })
    rig.pool.recover()
    callAll(rig, 40)
    await rig.clock.advance(500)
    const early = rig.pool.size
    await rig.clock.advance(500)
    expect(rig.pool.size - early).toBeGreaterThan(2 * early)
  })

  test('begins at once again when its only connection could not be made', async () => {
    const rig = poolRig({ capacity: 10, manual: true })
    rig.pool.recover()
    callAll(rig, 2)
    expect(rig.driverPool.connecting).toHaveLength(1)
    rig.driverPool.fail(new Error('no'))
    await rig.clock.settle()
    expect([rig.heard(), rig.driverPool.connecting.length]).toEqual(['a refused without blame', 1])
  })

  test('does not leave everybody to one connection that hangs', async () => {
    const rig = poolRig({ capacity: 10, manual: true })
    rig.pool.recover()
    callAll(rig, 3)
    await rig.clock.advance(500)
    expect(rig.driverPool.connecting).toHaveLength(2)
  })

  test('grows as ever when ten seconds are over', async () => {
    const rig = poolRig({ capacity: 10 })
    rig.pool.recover()
    await rig.clock.advance(TEN_SECONDS)
    callAll(rig, 6)
    await rig.clock.settle()
    expect([rig.pool.size, rig.clock.openTimers]).toEqual([6, 0])
  })

  test.each(['displaced', 'closed'] as const)('leaves no timer when its callers are %s', async (how) => {
    const rig = poolRig({ capacity: 10 })
    rig.pool.recover()
    callAll(rig, 2)
    await rig.clock.settle()
    expect(rig.clock.openTimers).toBe(1)
    rig.pool.dismiss(how)
    expect(rig.clock.openTimers).toBe(0)
  })

  test('throws its dice once for each pause, however many callers come meanwhile', () => {
    let thrown = 0
    const growth = new Growth(new FakeClock(), () => (thrown += 1) / 10)
    growth.begin()
    for (let caller = 0; caller < 5; caller += 1) expect(growth.admits(1, () => undefined)).toBe(false)
    growth.stop()
    expect(thrown).toBe(1)
  })
})
