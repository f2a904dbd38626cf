import { describe, expect, test } from 'vitest'
import type { DriverConnection, Received } from '../../../src/driver/driver.ts'
import type { HeldConnection } from '../../../src/pool/lease.ts'
import { SignsOfLife } from '../../../src/pool/signs-of-life.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { FakeClock } from '../../support/fake-clock.ts'

type Held = HeldConnection<undefined>

/** A connection whose count the test moves; without one it has no such ability. */
function held(generation: number, received?: () => Received | undefined): Held {
  const connection: DriverConnection<undefined> = {
    native: undefined,
    isClosed: () => false,
    giveBack: () => undefined,
    interrupt: () => undefined,
    bind: () => undefined,
    ...(received === undefined ? {} : { received }),
  }
  return { connection, generation, bornAtMs: ms(0), probe: 0, lease: undefined, isNew: false }
}

function rig() {
  const clock = new FakeClock()
  const pool = { generation: 1, all: [] as Held[], connections: () => pool.all }
  return { clock, pool, signs: new SignsOfLife(clock, pool) }
}

describe('law 12: a sign of life', () => {
  test('is what arrives after the check was sent, on a connection that was there', async () => {
    const { clock, pool, signs } = rig()
    let amount = 10
    pool.all = [held(1), held(1, () => ({ amount, pauses: 0, isRead: true }))]
    expect(signs.isSeen).toBe(false)
    signs.expect()
    await clock.settle()
    expect(signs.isSeen).toBe(false)
    amount += 1
    expect(signs.isSeen).toBe(true)
    // With the next check all begins anew.
    signs.expect()
    await clock.settle()
    expect(signs.isSeen).toBe(false)
  })

  test('law 13: is not what lay unread when the check was sent', async () => {
    const { clock, pool, signs } = rig()
    let amount = 10
    pool.all = [held(1, () => ({ amount, pauses: 0, isRead: true }))]
    signs.expect()
    amount += 1
    expect(signs.isSeen).toBe(false)
    await clock.settle()
    expect(signs.isSeen).toBe(false)
  })

  test('is not what comes on a connection made later', async () => {
    const { clock, pool, signs } = rig()
    signs.expect()
    await clock.settle()
    pool.all = [held(1, () => ({ amount: 100, pauses: 0, isRead: true }))]
    expect(signs.isSeen).toBe(false)
  })

  test('is not what a connection of an older generation brings, nor one that has become void since', async () => {
    const { clock, pool, signs } = rig()
    let amount = 1
    pool.all = [held(0, () => ({ amount, pauses: 0, isRead: true }))]
    signs.expect()
    await clock.settle()
    amount = 2
    expect(signs.isSeen).toBe(false)
    pool.all = [held(1, () => ({ amount, pauses: 0, isRead: true }))]
    signs.expect()
    await clock.settle()
    pool.generation = 2
    amount = 3
    expect(signs.isSeen).toBe(false)
  })

  test.each([
    ['was paused when the check was sent', { pauses: 1, isRead: false }, { pauses: 1, isRead: true }],
    ['was paused since, and is read again', { pauses: 1, isRead: true }, { pauses: 2, isRead: true }],
  ])('is not what a connection brings that %s', async (_what, first, then) => {
    const { clock, pool, signs } = rig()
    let now: Received = { amount: 1, ...first }
    pool.all = [held(1, () => now)]
    signs.expect()
    await clock.settle()
    now = { amount: 2, ...then }
    expect(signs.isSeen).toBe(false)
  })

  test('is not what a connection had brought that has ended', async () => {
    const { clock, pool, signs } = rig()
    let now: Received | undefined = { amount: 1, pauses: 0, isRead: true }
    pool.all = [held(1, () => now)]
    signs.expect()
    await clock.settle()
    now = undefined
    expect(signs.isSeen).toBe(false)
  })
})
