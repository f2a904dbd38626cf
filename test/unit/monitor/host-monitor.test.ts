import { describe, expect, test } from 'vitest'
import { watch } from '../../support/monitor-rig.ts'
import { coded } from '../../support/scripted/coded.ts'

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
    // Who it is in two forms, then three forms of the question, then the one that is answered again.
    expect(host.questions).toBe(6)
    const known = { incarnation: host.facts.incarnation, serverAddress: `${host.facts.address}:5432` }
    expect(seen.at(-1)).toMatchObject({ answer: known })
    expect(host.probesOpened).toBe(1)
  })

  test('goes without a replica’s timeline where the control file is kept secret', async () => {
    const { clock, monitor, host, seen } = watch()
    host.become({ rights: 'position', lsn: '0/7' })
    monitor.start()
    await clock.advance(1_000)
    expect(seen.at(-1)).toMatchObject({
      kind: 'answered',
      answer: { inRecovery: true, lsn: 7n, reachedTimeline: undefined, systemId: undefined },
    })
    expect(host.questions).toBe(5)
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
