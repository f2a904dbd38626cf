import { expect, test } from 'vitest'
import { Collector } from '../../../src/dashboard/collector.ts'
import type { Viewer } from '../../../src/dashboard/collector.ts'
import type { Message } from '../../../src/dashboard/view.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import type { Rig } from '../../support/scripted/rig.ts'

const TRIO = { db1: 'master', db2: 'replica', db3: 'replica' } as const

class Recorder implements Viewer {
  readonly messages: Message[] = []
  ended = false

  send(event: string): void {
    expect(event).toMatch(/^data: [^\n]*\n\n$/)
    this.messages.push(JSON.parse(event.slice(6)) as Message)
  }

  end(): void {
    this.ended = true
  }

  get last(): Message {
    const message = this.messages.at(-1)
    if (message === undefined) throw new Error('Nothing was sent')
    return message
  }
}

async function watched(): Promise<Rig & { collector: Collector }> {
  const made = await startedRig(TRIO)
  return { ...made, collector: new Collector(made.db, {}, made.clock) }
}

test('no timer runs while nobody looks, and all who look share one', async () => {
  const { clock, collector } = await watched()
  const idle = clock.openTimers
  const viewers = [new Recorder(), new Recorder(), new Recorder()]
  for (const viewer of viewers) collector.attach(viewer)
  expect(clock.openTimers).toBe(idle + 1)
  const before = viewers.map(({ messages }) => messages.length)
  await clock.advance(3_000)
  expect(viewers.map(({ messages }, index) => messages.length - (before[index] ?? 0))).toEqual([3, 3, 3])
  for (const viewer of viewers) collector.detach(viewer)
  expect(clock.openTimers).toBe(idle)
})

test('a failover reaches the page at once, in words and as spans', async () => {
  const { db, clock, collector, set } = await watched()
  const viewer = new Recorder()
  collector.attach(viewer)
  expect(viewer.messages[0]?.history?.spans.map((spans) => spans.map(([, state]) => state))).toEqual([
    ['master'],
    ['replica'],
    ['replica'],
  ])
  expect(viewer.last.state).toMatchObject({ level: 'ok', headline: 'Healthy' })
  set({ db1: 'down', db2: 'master' })
  for (let step = 0; step < 3_000 && db.topology.fencing.incumbent === 'db1:5432'; step += 1) await clock.advance(1)
  await clock.advance(20)
  expect(viewer.last.state.hosts.map(({ state }) => state)).toEqual(['unreachable', 'master', 'replica'])
  expect(viewer.last.state.hosts[0]?.why).toMatch(/^Out: it is unreachable \(/)
  expect(viewer.last.state).toMatchObject({ level: 'warn', headline: '1 of 3 hosts out of use' })
  const texts = viewer.messages.flatMap(({ changes }) => changes.map(({ text }) => text))
  expect(texts).toContain('the master is db2:5432 now; it was db1:5432')
  expect(texts).toContain('no master is known any more: writes wait until one is found')
  const late = new Recorder()
  collector.attach(late)
  expect(late.last.changes.map(({ text }) => text)).toEqual(texts)
  expect(late.last.history?.spans[1]?.map(([, state]) => state)).toEqual(['replica', 'master'])
})

test('what happened before anybody looked is told, and no more than a hundred lines of it', async () => {
  const { clock, collector, set } = await watched()
  for (let round = 0; round < 60; round += 1) {
    set({ db3: 'down' })
    await clock.advance(2_500)
    set({ db3: 'replica' })
    await clock.advance(2_500)
  }
  const viewer = new Recorder()
  collector.attach(viewer)
  const [first] = viewer.messages
  expect(first?.changes).toHaveLength(100)
  expect(first?.history?.spans[2]?.length).toBeGreaterThan(50)
  expect(Math.max(...(first?.history?.spans ?? []).map(({ length }) => length))).toBeLessThanOrEqual(100)
})

test('five minutes of samples are kept', async () => {
  const { clock, collector } = await watched()
  collector.attach(new Recorder())
  await clock.advance(400_000)
  const late = new Recorder()
  collector.attach(late)
  expect(late.messages[0]?.history?.samples).toHaveLength(300)
})

test('when the manager closes, everybody is sent away and nothing is left', async () => {
  const { db, clock, collector } = await watched()
  const viewer = new Recorder()
  collector.attach(viewer)
  await db.close()
  await clock.advance(1_000)
  expect(viewer.last.state.headline).toBe('The manager is closed')
  expect(viewer.ended).toBe(true)
  expect(clock.openTimers).toBe(0)
  expect(collector.refusal).toBe('closed')
})

test('what closes the dashboard leaves the manager alone', async () => {
  const { db, clock, collector } = await watched()
  const idle = clock.openTimers
  const viewer = new Recorder()
  collector.attach(viewer)
  collector.close()
  expect(viewer.ended).toBe(true)
  expect(clock.openTimers).toBe(idle)
  expect(db.closing).toBe(false)
})

test('a hundred may look, and not one more', async () => {
  const { collector } = await watched()
  for (let count = 0; count < 100; count += 1) {
    expect(collector.refusal).toBe(undefined)
    collector.attach(new Recorder())
  }
  expect(collector.refusal).toBe('full')
})
