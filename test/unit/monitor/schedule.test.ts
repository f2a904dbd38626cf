import { describe, expect, test } from 'vitest'
import type { ScheduleInput } from '../../../src/monitor/schedule.ts'
import { DEMAND_GAP_MS, MIN_GAP_MS, nextDelayMs } from '../../../src/monitor/schedule.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { after, answered, failed, hostOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const replica = hostOf(after(nothingKnown('db'), [answered('db', REPLICA)]), 'db')
const suspected = hostOf(after(nothingKnown('db'), [answered('db', REPLICA), failed('db', 'lost', { probe: 2 })]), 'db')
const away = hostOf(after(nothingKnown('db'), [failed('db', 'down')]), 'db')
const notReady = hostOf(after(nothingKnown('db'), [failed('db', 'not-ready')]), 'db')
const rejected = hostOf(after(nothingKnown('db'), [failed('db', 'access')]), 'db')

const LEAST = 0
const MOST = 1 - Number.EPSILON

function delay(host: ScheduleInput['host'], masterlessMs: number | undefined, dice: number, refreshMs = 1_000): number {
  const random = (): number => dice
  return nextDelayMs({ host, masterlessMs, refreshDelayMs: ms(refreshMs), random })
}

describe('with a master', () => {
  test.each([
    ['an answering host', replica, 900, 1_000],
    ['a host that is away', away, 900, 1_000],
    ['a host that is not ready', notReady, 125, 250],
    ['a host that refuses us', rejected, 22_500, 30_000],
    ['a suspected host', suspected, 0, 0],
  ])('%s is probed again in %i to %i ms', (_what, host, least, most) => {
    expect(delay(host, undefined, MOST)).toBeCloseTo(host === rejected ? most : host === notReady ? most : least)
    expect(delay(host, undefined, LEAST)).toBeCloseTo(host === rejected || host === notReady ? least : most)
  })

  test('a host that is not ready is never probed less often than the others', () => {
    expect(delay(notReady, undefined, MOST, 100)).toBeCloseTo(90)
  })
})

describe('law 9: without a master the delay is 2 % of the outage, between 20 and 250 ms', () => {
  test.each([
    [0, 20, 30],
    [1_000, 20, 30],
    [1_500, 20, 30],
    [1_600, 20, 32],
    [2_000, 20, 40],
    [5_000, 20, 100],
    [10_000, 20, 200],
    [12_500, 20, 250],
    [12_600, 20, 250],
    [3_600_000, 20, 250],
  ])('after %i ms, over an open connection: %i to %i ms', (outageMs, least, most) => {
    expect([delay(replica, outageMs, LEAST), delay(replica, outageMs, MOST)]).toEqual([least, closeTo(most)])
  })

  test.each([
    [0, 50, 60],
    [2_000, 50, 60],
    [3_500, 50, 70],
    [12_500, 50, 250],
    [3_600_000, 50, 250],
  ])('after %i ms, where a connection must be made: %i to %i ms', (outageMs, least, most) => {
    for (const host of [away, notReady]) {
      expect([delay(host, outageMs, LEAST), delay(host, outageMs, MOST)]).toEqual([least, closeTo(most)])
    }
  })

  test('the jitter is full: the mean is the middle, and both ends occur', () => {
    const random = seededRandom(5)
    const input = { host: replica, masterlessMs: 10_000, refreshDelayMs: ms(1_000), random }
    const delays = Array.from({ length: 20_000 }, () => nextDelayMs(input))
    expect(delays.reduce((sum, each) => sum + each, 0) / delays.length).toBeCloseTo(110, -1)
    expect(Math.min(...delays)).toBeLessThan(21)
    expect(Math.max(...delays)).toBeGreaterThan(199)
  })

  test('a caller who wants faster checks gets them', () => {
    expect(delay(replica, 60_000, MOST, 50)).toBeCloseTo(45)
  })

  test('a host that refuses us is not searched, a suspected one is asked at once', () => {
    expect(delay(rejected, 60_000, LEAST)).toBe(22_500)
    expect(delay(suspected, 60_000, MOST)).toBe(0)
  })

  test('no gap is shorter than 20 ms; a waiting caller is served every 100 ms', () => {
    expect([MIN_GAP_MS, DEMAND_GAP_MS]).toEqual([20, 100])
  })
})

const closeTo = (value: number): unknown => expect.closeTo(value, 6)
