import { describe, expect, test } from 'vitest'
import { watch } from '../../support/monitor-rig.ts'

describe('law 9: one probe in flight for each host', () => {
  test('requests during a probe are served by one that follows it', async () => {
    const { clock, monitor, host } = watch()
    host.suffer('silent')
    monitor.start()
    await clock.advance(100)
    for (let index = 0; index < 5; index += 1) monitor.requestProbe('fault')
    host.become({})
    await clock.advance(0)
    // Who it is, its role, and the role once more.
    expect(host.questions).toBe(3)
    await clock.advance(500)
    expect(host.questions).toBe(3)
  })

  test('a demand during a probe is served by that probe', async () => {
    const { clock, monitor, host } = watch()
    host.suffer('silent')
    monitor.start()
    await clock.advance(100)
    monitor.requestProbe('demand')
    host.become({})
    await clock.advance(500)
    expect(host.questions).toBe(2)
  })

  test.each([
    ['fault', 20],
    ['demand', 100],
  ] as const)('a %s is served at least %i ms after the last probe began', async (reason, gapMs) => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(1_005)
    for (let index = 0; index < 5; index += 1) monitor.requestProbe(reason)
    await clock.advance(gapMs - 6)
    expect(host.askedAtMs.at(-1)).toBe(1_000)
    await clock.advance(1)
    expect(host.askedAtMs.at(-1)).toBe(1_000 + gapMs)
    // Beside the timer of the fresh connection.
    expect(clock.openTimers).toBe(2)
  })

  test('after a longer pause a request is served at once', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(400)
    monitor.requestProbe('demand')
    await clock.advance(0)
    expect(host.askedAtMs.at(-1)).toBe(400)
  })

  test('a later request never delays an earlier one', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(5)
    monitor.requestProbe('fault')
    monitor.requestProbe('demand')
    await clock.advance(15)
    expect(host.askedAtMs.at(-1)).toBe(20)
  })

  test.each(['fault', 'demand'] as const)('a %s never wakes a host that refuses us', async (reason) => {
    const { clock, monitor, host } = watch()
    host.suffer('refusing')
    monitor.start()
    await clock.advance(1_000)
    monitor.requestProbe(reason)
    await clock.advance(10_000)
    expect(host.questions).toBe(1)
    await clock.advance(11_500)
    expect(host.questions).toBe(2)
  })

  test('while no master is known the probes come at 2 % of the outage', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    monitor.start()
    await clock.advance(100)
    expect(host.askedAtMs).toEqual([0, 0, 20, 40, 60, 80, 100])
  })

  test('a pushed setting asks for a probe', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(300)
    for (const probe of host.probes) probe.options.onHint()
    await clock.advance(0)
    expect(host.askedAtMs.at(-1)).toBe(300)
  })
})

describe('law 13: timers lie after a stall', () => {
  test('an answer that came during the stall counts, though the deadline fired first', async () => {
    const { clock, monitor, host, told, stalls } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    clock.arrive(() => host.become({}))
    await clock.stall(700)
    expect(told()).toEqual(['answered', 'answered'])
    expect([host.probesOpened, stalls()]).toEqual([1, 0])
  })

  test.each([
    ['no later than the tolerance', 50, ['answered', 'silent']],
    ['later than that: the round goes on', 51, ['answered']],
    ['as late as the deadline is long: the round is void', 500, ['answered']],
  ])('a deadline that fires %s', async (_what, lateMs, wanted) => {
    const { clock, monitor, host, told, stalls } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    await clock.stall(500 + lateMs)
    expect(told()).toEqual(wanted)
    expect(stalls()).toBe(lateMs <= 50 ? 0 : 1)
  })

  test('a round goes on for as long as its deadline was late: what the loop took from it', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    await clock.stall(500 + 200)
    await clock.advance(199)
    expect(told()).toEqual(['answered'])
    await clock.advance(1)
    expect(told()).toEqual(['answered', 'silent'])
  })

  test('a void round starts over, with the full deadline, and ends like any other', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    await clock.stall(60_000)
    await clock.advance(499)
    expect(told()).toEqual(['answered'])
    await clock.advance(1)
    expect(told()).toEqual(['answered', 'silent'])
  })

  test('a host that must be connected to gets the connect timeout', async () => {
    const { clock, monitor, host, told } = watch()
    host.suffer('silent')
    monitor.start()
    await clock.advance(2_999)
    expect(told()).toEqual([])
    await clock.advance(1)
    expect(told()).toEqual(['silent'])
  })
})
