import { describe, expect, test } from 'vitest'
import { renewalAtMs } from '../../../src/monitor/schedule.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { watch } from '../../support/monitor-rig.ts'

describe('law 4: beside the open probe connection a fresh one is tried', () => {
  test.each([
    ['30 s after the newest one was begun, at the earliest', { share: 0 }, 40_000],
    ['60 s after it, at the latest', { share: 1 }, 70_000],
    ['while no master is known 500 ms after it, at the earliest', { share: 0, searchingSinceMs: ms(0) }, 10_500],
    ['while no master is known 900 ms after it, at the latest', { share: 1, searchingSinceMs: ms(0) }, 10_900],
    ['at once when the master is lost later, at the earliest', { share: 0, searchingSinceMs: ms(20_000) }, 20_000],
    ['500 ms after the loss of the master, at the latest', { share: 1, searchingSinceMs: ms(20_000) }, 20_500],
    ['after 45 s without a master still so', { share: 1, openedAtMs: ms(45_000), searchingSinceMs: ms(0) }, 45_900],
    [
      'after 10 minutes without a master ever 1 % of them later, at the earliest',
      { share: 0, openedAtMs: ms(600_000), searchingSinceMs: ms(0), hadMaster: false },
      606_666,
    ],
    [
      'after a day without one ever as with a master',
      { share: 1, openedAtMs: ms(86_400_000), searchingSinceMs: ms(0), hadMaster: false },
      86_460_000,
    ],
    [
      'after a day without the master 5.4 s later, at the latest',
      { share: 1, openedAtMs: ms(86_400_000), searchingSinceMs: ms(0) },
      86_405_400,
    ],
    ['at once when a connection led elsewhere', { share: 1, doubtedAtMs: ms(20_000) }, 20_000],
    [
      '500 ms after the newest one was begun when a connection led elsewhere',
      { share: 1, doubtedAtMs: ms(10_001) },
      10_500,
    ],
    ['at once when a server told of another role', { share: 1, toldAtMs: ms(20_000) }, 20_000],
    ['5 s after the newest one when a server told of another role', { share: 1, toldAtMs: ms(10_001) }, 15_000],
  ])('%s', (_when, given, wanted) => {
    const never = { searchingSinceMs: undefined, doubtedAtMs: undefined, toldAtMs: undefined, hadMaster: true }
    expect(Math.floor(renewalAtMs({ openedAtMs: ms(10_000), ...never, ...given }))).toBe(wanted)
  })

  test('one that answers takes the place of the open one, which is closed', async () => {
    const { clock, monitor, host, seen } = watch()
    monitor.start()
    await clock.advance(29_999)
    const [old] = host.probes
    expect(host.probesOpened).toBe(1)
    host.become({ role: 'master', timeline: 2, incarnation: 'another server' })
    await clock.advance(1)
    expect([host.probesOpened, host.probes.size, host.probes.has(old ?? expect.fail())]).toEqual([2, 1, false])
    expect(seen.at(-1)).toMatchObject({ kind: 'answered', isFirst: true, answer: { incarnation: 'another server' } })
    const { length } = host.askedAtMs
    await clock.advance(1_000)
    expect(host.askedAtMs.slice(length)).toEqual([31_000])
  })

  test('while no master is known one is tried every 500 ms, and the open one is asked as before', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    monitor.start()
    await clock.advance(2_100)
    expect(host.probesOpened).toBe(5)
    const gaps = host.askedAtMs.map((atMs, index) => atMs - (host.askedAtMs[index - 1] ?? 0))
    expect(Math.max(...gaps)).toBeLessThanOrEqual(20)
  })

  test('a manager that never has a master does not log in anew all the time', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    monitor.start()
    await clock.advance(120_000)
    const before = host.probesOpened
    await clock.advance(120_000)
    // Without the growth there were 240 in each half.
    expect(before).toBeLessThan(190)
    expect(host.probesOpened - before).toBeLessThan(80)
  })

  test('one that fails says nothing of the host: the answers of the open one stand', async () => {
    const { clock, monitor, host, told, topology } = watch({ masterless: true })
    monitor.start()
    await clock.advance(100)
    host.suffer({ code: 'ECONNREFUSED' })
    await clock.advance(1_900)
    expect(host.probesOpened).toBe(5)
    expect(new Set(told())).toEqual(new Set(['answered']))
    expect(host.probes.size).toBe(1)
    expect([...topology().hosts.values()][0]).toMatchObject({ kind: 'replica', suspicion: undefined })
  })

  test('one that is not answered is given up after the connect timeout, and there are never three', async () => {
    const { clock, monitor, host, told } = watch({ masterless: true })
    monitor.start()
    await clock.advance(490)
    host.suffer('hanging')
    await clock.advance(10)
    const [, tried] = host.probes
    expect(host.probes.size).toBe(2)
    await clock.advance(2_999)
    expect([...host.probes][1]).toBe(tried)
    await clock.advance(1)
    expect([...host.probes][1]).not.toBe(tried)
    expect([host.probesOpened, host.probes.size]).toEqual([3, 2])
    expect(new Set(told())).toEqual(new Set(['answered']))
  })

  test('beside a connect that is not answered it is given up after the time of a check', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    host.suffer('silent')
    monitor.start()
    const opened: number[] = []
    for (let step = 0; step < 2_900; step += 100) {
      await clock.advance(100)
      opened.push(host.probesOpened)
      expect(host.probes.size).toBeLessThanOrEqual(2)
    }
    expect(opened.at(-1)).toBe(6)
  })

  test('one that is refused by configuration is not repeated before the usual time', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    monitor.start()
    await clock.advance(100)
    host.suffer('refusing')
    await clock.advance(30_000)
    expect(host.probesOpened).toBe(2)
    await clock.advance(500)
    expect(host.probesOpened).toBe(3)
  })

  test.each([
    ['a host that refuses us', 'refusing'],
    ['a host where nobody listens', 'down'],
  ] as const)('%s has none tried beside its checks', async (_what, trouble) => {
    const { clock, monitor, host } = watch({ masterless: true })
    host.suffer(trouble)
    monitor.start()
    await clock.advance(20_000)
    expect(host.probesOpened).toBe(host.askedAtMs.length)
    expect(host.probes.size).toBe(0)
  })

  test('a connection that led to a server of another role has one tried', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(5_000)
    monitor.requestProbe('fault')
    await clock.advance(0)
    expect(host.probesOpened).toBe(1)
    for (let count = 0; count < 5; count += 1) monitor.requestProbe('role')
    await clock.advance(0)
    expect(host.probesOpened).toBe(2)
    monitor.requestProbe('role')
    await clock.advance(499)
    expect(host.probesOpened).toBe(2)
    await clock.advance(1)
    expect(host.probesOpened).toBe(3)
  })

  test('a server that told a new connection of another role has one tried, not more often than every 5 s', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.advance(6_000)
    for (let count = 0; count < 5; count += 1) monitor.requestProbe('told')
    await clock.advance(0)
    expect(host.probesOpened).toBe(2)
    monitor.requestProbe('told')
    await clock.advance(4_999)
    expect(host.probesOpened).toBe(2)
    await clock.advance(1)
    expect(host.probesOpened).toBe(3)
  })

  describe('while two hosts lead to one master', () => {
    const PROMOTED = { systemId: '7000', incarnation: 'promoted', timeline: 2 }

    test.each([
      ['the one that was a replica lately has one tried, where the other one is the master', 'other first'],
      ['the one that was a replica lately has one tried, where it is the master itself', 'this first'],
    ] as const)('%s', async (_what, order) => {
      const { clock, monitor, host, topology, otherIs } = watch({ random: () => 1 })
      host.become({ incarnation: 'promoted' })
      monitor.start()
      await clock.advance(5_000)
      const steps = [
        () => otherIs({ inRecovery: false, ...PROMOTED }),
        () => host.become({ role: 'master', ...PROMOTED }),
      ]
      for (const step of order === 'this first' ? steps.reverse() : steps) {
        step()
        await clock.advance(1_000)
      }
      const kinds = [...topology().hosts.values()].map(({ kind }) => kind)
      expect(kinds).toEqual(order === 'this first' ? ['master', 'duplicate-master'] : ['duplicate-master', 'master'])
      const opened = host.probesOpened
      await clock.advance(2_000)
      expect(host.probesOpened - opened).toBeGreaterThanOrEqual(2)
      // The address leads to another server by now.
      host.become({ role: 'replica', incarnation: 'another server', timeline: 2 })
      await clock.advance(1_000)
      const after = host.probesOpened
      await clock.advance(5_000)
      expect(host.probesOpened).toBe(after)
    })

    test('the one that was a replica long ago has one tried when it begins to lead where the other one does', async () => {
      const { clock, monitor, host, otherIs } = watch({ random: () => 1 })
      host.become({ incarnation: 'promoted' })
      monitor.start()
      await clock.advance(1_000)
      // The two names have changed places.
      host.become({ role: 'master', ...PROMOTED })
      otherIs({ inRecovery: true, systemId: '7000', incarnation: 'demoted', timeline: 2 })
      await clock.advance(45_000)
      const opened = host.probesOpened
      otherIs({ inRecovery: false, ...PROMOTED })
      await clock.advance(3_000)
      expect(host.probesOpened - opened).toBeGreaterThanOrEqual(2)
    })

    test('none is tried on two names of one server for longer than half a minute', async () => {
      const { clock, monitor, host, otherIs } = watch({ random: () => 1 })
      host.become({ incarnation: 'promoted' })
      monitor.start()
      await clock.advance(1_000)
      host.become({ role: 'master', ...PROMOTED })
      await clock.advance(1_000)
      otherIs({ inRecovery: false, ...PROMOTED })
      await clock.advance(32_000)
      const opened = host.probesOpened
      expect(opened).toBeGreaterThan(20)
      await clock.advance(10_000)
      expect(host.probesOpened).toBe(opened)
    })
  })

  test('stopping ends one that is under way', async () => {
    const { clock, monitor, host } = watch({ masterless: true })
    monitor.start()
    await clock.advance(490)
    host.suffer('hanging')
    await clock.advance(10)
    expect(host.probes.size).toBe(2)
    monitor.stop()
    expect([host.probes.size, clock.openTimers]).toEqual([0, 0])
  })
})

describe('law 3: of two connections the answer to the question that was asked last counts', () => {
  test('a check of the old connection that is under way is called off', async () => {
    const { clock, monitor, host, told, topology } = watch()
    monitor.start()
    await clock.advance(29_990)
    const [old] = host.probes
    // The old server does not answer any more, a new one is reached.
    if (old === undefined) return expect.fail()
    old.thaw = () => undefined
    monitor.requestProbe('fault')
    await clock.advance(5)
    const checks = told().length
    host.become({ role: 'replica', incarnation: 'another server' })
    await clock.advance(5)
    expect(told().slice(checks)).toEqual(['answered'])
    expect([...topology().hosts.values()][0]).toMatchObject({ answer: { incarnation: 'another server' } })
    await clock.advance(600)
    expect(told().slice(checks)).toEqual(['answered'])
  })

  test('an answer that a newer check has overtaken changes nothing, and the new connection is asked at once', async () => {
    const { clock, monitor, host, seen, topology } = watch()
    monitor.start()
    await clock.advance(29_999)
    host.suffer('hanging')
    await clock.advance(1)
    const [, fresh] = host.probes
    if (fresh === undefined) return expect.fail()
    // Who it is is answered, its role not yet.
    const thaw = fresh.thaw.bind(fresh)
    host.become({ incarnation: 'another server', role: 'master', timeline: 2 })
    fresh.thaw = () => undefined
    await clock.advance(1_000)
    expect(seen.at(-1)).toMatchObject({ isFirst: false, evidence: { probe: 33 } })
    fresh.thaw = thaw
    thaw()
    await clock.advance(20)
    expect(seen.slice(-2)).toMatchObject([
      { isFirst: true, evidence: { probe: 32 } },
      { isFirst: false, evidence: { probe: 34 } },
    ])
    expect([...topology().hosts.values()][0]).toMatchObject({ probe: 34, answer: { incarnation: 'another server' } })
  })
})
