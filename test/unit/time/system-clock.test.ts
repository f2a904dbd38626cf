import { expect, test } from 'vitest'
import { ms } from '../../../src/time/milliseconds.ts'
import { systemClock } from '../../../src/time/system-clock.ts'

test('the system clock never goes back', () => {
  const before = systemClock.nowMs()
  expect(systemClock.nowMs()).toBeGreaterThanOrEqual(before)
})

test.each(['process', 'nothing'] as const)('a timer that holds %s fires once; a cancelled one never', async (hold) => {
  const fired: string[] = []
  const cancelled = systemClock.setTimer(ms(0), () => fired.push('cancelled'), hold)
  cancelled.cancel()
  await new Promise<void>((resolve) => {
    systemClock.setTimer(ms(0), () => fired.push('due'), hold)
    systemClock.setTimer(ms(1), resolve, 'process')
  })
  cancelled.cancel()
  expect(fired).toEqual(['due'])
})

test('what waits for pending I/O runs in a later turn', async () => {
  const order: string[] = []
  const done = new Promise<void>((resolve) =>
    systemClock.afterPendingIo(() => {
      order.push('after I/O')
      resolve()
    }),
  )
  setImmediate(() => order.push('one turn'))
  order.push('now')
  await done
  expect(order).toEqual(['now', 'one turn', 'after I/O'])
})
