import { describe, expect, test } from 'vitest'
import type { MonitorRig } from '../../support/monitor-rig.ts'
import { watch } from '../../support/monitor-rig.ts'

describe('stopping', () => {
  const moments: readonly (readonly [string, (parts: MonitorRig) => Promise<void> | void])[] = [
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
