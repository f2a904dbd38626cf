import { describe, expect, test } from 'vitest'
import type { SyncWait, SyncWaitEnd } from '../../../src/manager/events.ts'
import { finish } from '../../support/scenario.ts'
import type { ScriptedClient } from '../../support/scripted/connection.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import type { Rig, RigOptions } from '../../support/scripted/rig.ts'
import { settled } from '../../support/settled.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const

interface Story extends Rig {
  readonly begun: readonly SyncWait[]
  readonly ended: readonly SyncWaitEnd[]
  /** Whatever the log was told of waits. */
  readonly lines: readonly string[]
}

async function begin(options: RigOptions = {}): Promise<Story> {
  const lines: string[] = []
  const note = (text: string): void => {
    if (text.includes('waiting for a synchronous')) lines.push(text)
  }
  const logger = { debug: note, info: note, warn: note, error: note }
  const story = await startedRig(PAIR, { logger, ...options })
  const [begun, ended]: [SyncWait[], SyncWaitEnd[]] = [[], []]
  story.db.on('syncWait', (record) => begun.push(record))
  story.db.on('syncWaitEnded', (record) => ended.push(record))
  return { ...story, begun, ended, lines }
}

/** A lease whose statement gets no answer. */
async function hang({ db, clock }: Rig): Promise<ScriptedClient> {
  const leased = db.acquireMaster()
  await clock.settle()
  const connection = await leased
  settled(connection.hang())
  return connection
}

describe('commits that wait for a synchronous standby', () => {
  test('are told of once, when a session was seen waiting at two checks, and again when they end', async () => {
    const story = await begin()
    const { db, clock, set, begun, ended } = story
    const lease = await hang(story)
    set({ db1: { waiting: ['71@1.5', '72@1.5'] } })
    await clock.advance(3_000)
    expect(begun).toMatchObject([{ host: 'db1:5432', waiting: 2 }])
    const [{ sinceMs } = { sinceMs: NaN }] = begun
    expect(db.metrics().drivers[0]?.syncWaitMs).toBe(clock.nowMs() - sinceMs)
    expect(db.masterPoolCount).toBe(1)
    await clock.advance(5_000)
    set({ db1: { waiting: [] } })
    await clock.advance(1_000)
    expect(begun).toHaveLength(1)
    expect(ended).toMatchObject([{ host: 'db1:5432' }])
    expect(ended[0]?.lastedMs).toBeGreaterThan(5_000)
    expect(db.metrics().drivers[0]?.syncWaitMs).toBe(0)
    expect(story.lines).toHaveLength(2)
    expect(story.lines[0]).toMatch(
      /^hasql: db1:5432 answers its checks, but 2 sessions have been waiting for a synchronous standby for \d\.\d{3} s$/,
    )
    lease.release()
    await finish(story)
  })

  test('go on although the caller has given up: its session waits on the server', async () => {
    const story = await begin()
    const lease = await hang(story)
    story.set({ db1: { waiting: ['71@1.5'] } })
    await story.clock.advance(3_000)
    lease.release(true)
    await story.clock.advance(3_000)
    expect([story.begun.length, story.ended.length]).toEqual([1, 0])
    story.set({ db1: { waiting: [] } })
    await story.clock.advance(1_000)
    expect(story.ended).toHaveLength(1)
    await finish(story)
  })

  test('end with the role of the host', async () => {
    const story = await begin()
    await hang(story)
    story.set({ db1: { waiting: ['71@1.5'] } })
    await story.clock.advance(3_000)
    story.set({ db1: 'down' })
    await story.clock.advance(100)
    expect(story.ended).toMatchObject([{ host: 'db1:5432' }])
    expect(story.db.metrics().drivers[0]?.syncWaitMs).toBe(0)
    await finish(story)
  })

  test('of other sessions at each check are the everyday life of synchronous replication', async () => {
    const story = await begin()
    await hang(story)
    for (let check = 0; check < 10; check += 1) {
      story.set({ db1: { waiting: [`${check}@${check}`] } })
      await story.clock.advance(1_000)
    }
    expect(story.host('db1').syncWaitQuestions).toBeGreaterThan(5)
    expect(story.begun).toEqual([])
    await finish(story)
  })

  test('are not told of checks that follow each other too closely to say anything', async () => {
    const story = await begin({ refreshDelayMs: 100 })
    await hang(story)
    story.set({ db1: { waiting: ['71@1.5'] } })
    await story.clock.advance(450)
    expect(story.begun).toEqual([])
    await story.clock.advance(400)
    expect(story.begun).toHaveLength(1)
    await finish(story)
  })
})

describe('a host is asked for sessions that wait', () => {
  test('never while no statement is under way for long', async () => {
    const story = await begin()
    const idle = await story.db.acquireMaster()
    await story.clock.advance(10_000)
    idle.release()
    expect(story.host('db1').syncWaitQuestions).toBe(0)
    await finish(story)
  })

  test('never while each check meets another statement of a connection', async () => {
    const story = await begin()
    const lease = await hang(story)
    for (let turn = 0; turn < 20; turn += 1) {
      lease.hanging.splice(0)
      settled(lease.hang())
      await story.clock.advance(500)
    }
    expect(story.host('db1').syncWaitQuestions).toBe(0)
    await finish(story)
  })

  test('at most once for each check', async () => {
    const story = await begin()
    await hang(story)
    const before = story.host('db1').questions
    await story.clock.advance(10_000)
    const { questions, syncWaitQuestions } = story.host('db1')
    expect(syncWaitQuestions).toBeGreaterThan(7)
    expect(syncWaitQuestions * 2).toBeLessThanOrEqual(questions - before)
    await finish(story)
  })

  test('once for each connection when it refuses to answer, and stays what it is', async () => {
    const story = await begin()
    await hang(story)
    story.set({ db1: { waiting: { code: '42501' } } })
    await story.clock.advance(5_000)
    expect(story.host('db1').syncWaitQuestions).toBe(1)
    expect(story.db.topology.hosts.get(story.db.dsn.hosts[0].hostId)).toMatchObject({
      kind: 'master',
      suspicion: undefined,
    })
    await finish(story)
  })
})
