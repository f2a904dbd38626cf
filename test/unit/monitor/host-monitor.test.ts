import { describe, expect, test } from 'vitest'
import { hostIdOf } from '../../../src/dsn/host-id.ts'
import { HostMonitor } from '../../../src/monitor/host-monitor.ts'
import type { Hold } from '../../../src/time/clock.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { TopologyStore } from '../../../src/topology/store.ts'
import { initialTopology } from '../../../src/topology/topology.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import { parse } from '../../support/dsn/read.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { coded } from '../../support/scripted/coded.ts'
import { ScriptedDriver } from '../../support/scripted/driver.ts'

/** One monitor of a replica; another host is the master, unless `masterless`. Probes are 1000 ms apart. */
function watch({ masterless = false, hold = 'process' }: { masterless?: boolean; hold?: Hold } = {}) {
  const clock = new FakeClock()
  const driver = new ScriptedDriver(clock)
  const seen: HostObservation[] = []
  const dsn = parse('postgresql://u@db,other')
  const initial = initialTopology([dsn.hosts[0].hostId, hostIdOf('other', 5432)], clock.nowMs())
  const store = new TopologyStore(initial, { multiMaster: false }, () => undefined)
  const monitor = new HostMonitor(driver, dsn.hosts[0], {
    clock,
    random: () => 0,
    hold,
    refreshDelayMs: ms(1_000),
    refreshTimeoutMs: ms(500),
    connectTimeoutMs: ms(3_000),
    topology: () => store.current,
    observe: (observation) => {
      seen.push(observation)
      store.apply(observation)
    },
  })
  if (!masterless) {
    const answer = {
      inRecovery: false,
      readOnlyDefault: false,
      timeline: 1,
      lsn: 1n,
      systemId: '7000',
      incarnation: 'x',
    }
    const evidence = { probe: 1, generation: undefined }
    const hostId = hostIdOf('other', 5432)
    store.apply({ kind: 'answered', hostId, atMs: ms(0), evidence, answer, roundTripMs: ms(1) })
  }
  const host = driver.host('db')
  const told = (): string[] => seen.map((each) => (each.kind === 'failed' ? each.fault : 'answered'))
  return { clock, driver, monitor, host, seen, told }
}

describe('a monitor', () => {
  test('does nothing before it is started, and starts once', async () => {
    const { clock, monitor, host } = watch()
    monitor.requestProbe('fault')
    await clock.advance(5_000)
    expect([host.probesOpened, clock.openTimers]).toEqual([0, 0])
    monitor.start()
    monitor.start()
    await clock.settle()
    expect(host.questions).toBe(2)
  })

  test('asks who the server is once, and then for its role every second, on one connection', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(3_000)
    expect(host.askedAtMs).toEqual([0, 0, 1_000, 2_000, 3_000])
    expect(host.probesOpened).toBe(1)
    expect(told()).toEqual(['answered', 'answered', 'answered', 'answered'])
    expect(monitor.sequence).toBe(4)
  })

  test('measures one round trip, without connecting', async () => {
    const { clock, monitor, host, seen } = watch()
    host.suffer('silent')
    monitor.start()
    await clock.advance(700)
    host.become({})
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1 + 270)
    host.become({})
    await clock.settle()
    expect(seen.map((each) => (each.kind === 'answered' ? each.roundTripMs : each.fault))).toEqual([0, 270])
  })

  test.each(['process', 'nothing'] as const)('holds %s with its timers and its connection', async (hold) => {
    const { clock, monitor, host } = watch({ hold })
    monitor.start()
    await clock.settle()
    expect([...host.probes].map(({ options }) => options.hold)).toEqual([hold])
    expect(clock.holdingTimers).toBe(hold === 'process' ? 1 : 0)
  })

  test('degrades to the role alone where the rights are missing, and asks for no more on that connection', async () => {
    const { clock, monitor, host, seen } = watch()
    host.become({ rights: false })
    monitor.start()
    await clock.advance(1_000)
    expect(seen.at(-1)).toMatchObject({
      kind: 'answered',
      answer: { inRecovery: true, lsn: undefined, systemId: undefined },
    })
    expect(host.questions).toBe(4)
    expect(host.probesOpened).toBe(1)
  })

  test('takes an answer that is no role for silence', async () => {
    const { clock, monitor, host, told } = watch()
    host.answer = () => ['what?']
    monitor.start()
    await clock.settle()
    expect(told()).toEqual(['silent'])
  })
})

describe('law 4: a failed probe is followed by a fresh connection, never by the same one', () => {
  test('after a missed deadline', async () => {
    const { clock, monitor, host, seen, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(501)
    expect(told()).toEqual(['answered', 'silent'])
    expect(seen.at(-1)).toMatchObject({ evidence: { probe: 2 }, cause: { code: 'ERR_HASQL_PROBE_TIMEOUT' } })
    expect(seen.at(-1)).toMatchObject({ cause: { message: 'db:5432 did not answer a probe within 500 ms' } })
    expect([host.probesOpened, host.probes.size]).toEqual([2, 1])
    await clock.advance(500)
    expect(told()).toEqual(['answered', 'silent', 'silent'])
    await clock.advance(1_000)
    expect(host.probesOpened).toBe(3)
  })

  test('after the connection was lost between probes, at once', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(300)
    for (const probe of host.probes) probe.die(coded('57P01'))
    await clock.advance(0)
    expect(told()).toEqual(['answered', 'lost', 'answered'])
    expect(host.askedAtMs.at(-1)).toBe(300)
    expect(host.probesOpened).toBe(2)
  })

  test('after the connection was lost during a probe', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(100)
    for (const probe of host.probes) probe.die(coded('ECONNRESET'))
    host.become({})
    await clock.advance(20)
    expect(told()).toEqual(['answered', 'lost', 'answered'])
    expect(host.probesOpened).toBe(2)
  })

  test('the end of a connection that was dropped already says nothing', async () => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.settle()
    const [old] = host.probes
    host.suffer({ code: 'ECONNREFUSED' })
    old?.die(coded('57P01'))
    await clock.advance(20)
    expect(told()).toEqual(['answered', 'lost', 'down'])
    old?.options.onLost(coded('57P01'))
    expect(told()).toHaveLength(3)
  })
})

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
    expect(clock.openTimers).toBe(1)
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
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    clock.arrive(() => host.become({}))
    await clock.stall(700)
    expect(told()).toEqual(['answered', 'answered'])
    expect(host.probesOpened).toBe(1)
  })

  test.each([
    ['no later than the tolerance', 50, ['answered', 'silent']],
    ['late, but less than the deadline itself', 499, ['answered', 'silent']],
    ['as late as the deadline is long: the round is void', 500, ['answered']],
  ])('a deadline that fires %s', async (_what, lateMs, wanted) => {
    const { clock, monitor, host, told } = watch()
    monitor.start()
    await clock.advance(999)
    host.suffer('silent')
    await clock.advance(1)
    await clock.stall(500 + lateMs)
    expect(told()).toEqual(wanted)
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

describe('stopping', () => {
  const moments: readonly (readonly [string, (parts: ReturnType<typeof watch>) => Promise<void> | void])[] = [
    ['before the first answer', () => undefined],
    ['between two probes', ({ clock }) => clock.advance(300)],
    [
      'during a probe',
      async ({ clock, host }) => {
        await clock.advance(999)
        host.suffer('silent')
        await clock.advance(100)
      },
    ],
    [
      'while it is suspected',
      async ({ clock, host }) => {
        await clock.advance(999)
        host.suffer('silent')
        await clock.advance(600)
      },
    ],
    [
      'while a late deadline waits for I/O',
      async ({ clock, host, monitor }) => {
        await clock.advance(999)
        host.suffer('silent')
        await clock.advance(1)
        clock.arrive(() => monitor.stop())
        await clock.stall(5_000)
      },
    ],
    [
      'while the host is away',
      ({ clock, host }) => {
        host.suffer('down')
        return clock.advance(2_000)
      },
    ],
  ]

  test.each(moments)('%s leaves no timer, no connection, and no observation to come', async (_what, prepare) => {
    const parts = watch()
    const { clock, monitor, host, seen } = parts
    monitor.start()
    await prepare(parts)
    monitor.stop()
    const before = seen.length
    host.become({})
    await clock.advance(10_000)
    expect([clock.openTimers, host.probes.size, seen.length]).toEqual([0, 0, before])
    monitor.stop()
    monitor.requestProbe('fault')
    expect(clock.openTimers).toBe(0)
  })

  test('from within an observation', async () => {
    const parts = watch()
    const { clock, monitor, host, seen } = parts
    const push = seen.push.bind(seen)
    seen.push = (...items) => {
      monitor.stop()
      return push(...items)
    }
    monitor.start()
    await clock.advance(5_000)
    expect([clock.openTimers, host.probes.size, seen.length]).toEqual([0, 0, 1])
  })
})

describe('waiting for the next probe', () => {
  test('ends with one that began afterwards, not with the one in flight', async () => {
    const { clock, monitor, host } = watch()
    host.suffer('silent')
    monitor.start()
    await clock.advance(100)
    let probed = 0
    monitor.onceProbed(() => (probed += 1))
    host.become({})
    await clock.advance(500)
    expect(probed).toBe(0)
    await clock.advance(600)
    expect(probed).toBe(1)
    await clock.advance(3_000)
    expect(probed).toBe(1)
  })

  test('ends with a failed probe as well, and with stopping', async () => {
    const { clock, monitor, host } = watch()
    monitor.start()
    await clock.settle()
    const probed: string[] = []
    host.suffer('down')
    await clock.settle()
    monitor.onceProbed(() => probed.push('failed'))
    await clock.advance(100)
    expect(probed).toEqual(['failed'])
    monitor.onceProbed(() => probed.push('stopped'))
    monitor.stop()
    expect(probed).toEqual(['failed', 'stopped'])
  })
})
