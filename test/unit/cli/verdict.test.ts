import { describe, expect, test } from 'vitest'
import { settledReasons } from '../../../src/cli/settle.ts'
import { exitCodeOf, NO_LOOKS, problemsOf, verdictOf } from '../../../src/cli/verdict.ts'
import type { Looks, Reason, ServerSeen } from '../../../src/cli/verdict.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { after, answered, failed, idOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const MASTER = answered('db1', { timeline: 34, lsn: 1_000n }, { atMs: 100 })
const SOUND = answered('db2', { ...REPLICA, reachedTimeline: 34, lsn: 900n, receiver: 71 }, { atMs: 100 })

const server = (name: string, role: ServerSeen['role']): ServerSeen => ({
  id: name,
  address: `${name}:5432`,
  role,
})
const leadingTo = (...seen: readonly ServerSeen[]): Looks => ({ ...NO_LOOKS, servers: new Map([[idOf('db1'), seen]]) })
const waiting = (waits: number, ...sessions: string[]): Looks => ({
  ...NO_LOOKS,
  waiting: new Map([[idOf('db1'), { waiting: waits, sessions }]]),
})

interface Row {
  readonly seen: readonly HostObservation[]
  readonly looks?: Looks
  readonly problems: readonly string[]
  readonly code: number
  readonly says?: RegExp
}

/** What is seen, what is wrong with it, and the exit status. */
const TABLE: Readonly<Record<string, Row>> = {
  'a sound cluster': { seen: [MASTER, SOUND], problems: [], code: 0 },
  'a host that accepts writes and cannot be believed is no split brain': {
    seen: [MASTER, SOUND, answered('db3', { timeline: 1_000_000 }, { atMs: 100 })],
    problems: ['host-out'],
    code: 6,
    says: /^db3:5432 accepts writes, and is not believed: its timeline is more than 1000 above all others\.$/,
  },
  'a replica on a timeline above that of the master': {
    seen: [MASTER, answered('db2', { ...REPLICA, reachedTimeline: 35, receiver: 71 }, { atMs: 100 })],
    problems: ['replica-diverged'],
    code: 8,
    says: /^db2:5432 is on timeline 35, above the master's 34: it has changes that the master never made.*pg_rewind/,
  },
  'a replica that receives a timeline below that of the master is merely late': {
    seen: [MASTER, answered('db2', { ...REPLICA, reachedTimeline: 33, receiver: 71 }, { atMs: 100 })],
    problems: [],
    code: 0,
  },
  'a replica ahead of where the master was later': {
    seen: [answered('db2', { ...REPLICA, reachedTimeline: 34, lsn: 2_000n, receiver: 71 }, { atMs: 50 }), MASTER],
    problems: ['replica-diverged'],
    code: 8,
    says: /^db2:5432 is ahead of the master: /,
  },
  'a replica ahead of where the master was before says nothing': {
    seen: [MASTER, answered('db2', { ...REPLICA, reachedTimeline: 34, lsn: 2_000n, receiver: 71 }, { atMs: 150 })],
    problems: [],
    code: 0,
  },
  'a replica without a receiver': {
    seen: [MASTER, answered('db2', { ...REPLICA, reachedTimeline: 34, lsn: 900n, receiver: 'none' }, { atMs: 100 })],
    problems: ['replica-not-streaming'],
    code: 8,
    says: /^db2:5432 has no WAL receiver, and has applied nothing for 5 s: it does not follow the master\. See primary_conninfo/,
  },
  'a replica without a receiver, and no master to receive from': {
    seen: [failed('db1', 'down', { atMs: 100 }), answered('db2', { ...REPLICA, receiver: 'none' }, { atMs: 100 })],
    problems: ['no-master', 'host-out'],
    code: 3,
  },
  'commits that wait for a synchronous standby': {
    seen: [MASTER, SOUND],
    looks: waiting(2, '71@1.5', '72@2'),
    problems: ['writes-wait'],
    code: 9,
    says: /^Writes on db1:5432 hang: 2 sessions wait for a synchronous standby\. To end that, bring it back, or take it out of/,
  },
  'one name for a master and a replica': {
    seen: [MASTER, SOUND],
    looks: leadingTo(server('n1', 'master'), server('n2', 'replica'), server('n1', 'master')),
    problems: ['mixed-endpoint'],
    code: 10,
    says: /^db1:5432 leads to servers of different roles \(n1:5432 master, n2:5432 replica\): name each server, or/,
  },
  'one name for many servers of one role is a balanced endpoint': {
    seen: [MASTER, SOUND],
    looks: leadingTo(server('n1', 'replica'), server('n2', 'replica'), server('n3', 'replica')),
    problems: [],
    code: 0,
  },
  'one server whose role changed between two looks is no mixed endpoint': {
    seen: [MASTER, SOUND],
    looks: leadingTo(server('n1', 'replica'), server('n1', 'master')),
    problems: [],
    code: 0,
  },
  'several at once: the worst decides': {
    seen: [
      MASTER,
      answered('db2', { timeline: 33 }, { atMs: 100 }),
      answered('db3', { ...REPLICA, reachedTimeline: 34, receiver: 'none' }, { atMs: 100 }),
    ],
    looks: waiting(1, '71@1.5'),
    problems: ['writes-wait', 'stale-master', 'replica-not-streaming', 'host-out'],
    code: 9,
  },
}

describe('the verdict on', () => {
  test.each(Object.entries(TABLE))('%s', (_what, { seen, looks = NO_LOOKS, problems, code, says }) => {
    const names = [...new Set(seen.map(({ hostId }) => hostId.replace(':5432', '')))].sort()
    const reasons = verdictOf(after(nothingKnown(...names), seen), looks)
    expect(problemsOf(reasons)).toEqual(problems)
    expect(exitCodeOf(problemsOf(reasons))).toBe(code)
    if (says !== undefined) expect(reasons[0]?.text).toMatch(says)
  })
})

describe('what may be wrong for a moment', () => {
  const lasting: Reason = { problem: 'host-out', host: undefined, text: 'A host is out of use.' }
  const passing = (evidence = '', forMs = 1_000): Reason => ({
    ...{ problem: 'replica-not-streaming', host: idOf('db2'), text: 'It does not follow.' },
    settling: { forMs, evidence },
  })

  async function judged(
    at: (nowMs: number) => readonly Reason[],
  ): Promise<{ found: readonly Reason[]; tookMs: number; again: number }> {
    const clock = new FakeClock()
    const startMs = clock.nowMs()
    let again = 0
    let result: { found: readonly Reason[]; tookMs: number } | undefined
    void settledReasons(
      () => at(clock.nowMs() - startMs),
      clock,
      async () => void (again += 1),
    ).then((found) => (result = { found, tookMs: clock.nowMs() - startMs }))
    for (let step = 0; step < 400 && result === undefined; step += 1) await clock.advance(50)
    if (result === undefined) throw new Error('it goes on for ever')
    return { ...result, again }
  }

  test('costs no time where there is nothing of it', async () => {
    expect(await judged(() => [lasting])).toEqual({ found: [lasting], tookMs: 0, again: 0 })
  })

  test('counts when it lasts, and further looks are asked for once', async () => {
    const one = passing()
    expect(await judged(() => [one, lasting])).toEqual({ found: [one, lasting], tookMs: 1_000, again: 1 })
  })

  test('does not count before the further look is over, however long that takes', async () => {
    const clock = new FakeClock()
    let over: (() => void) | undefined
    let isMixed = true
    let found: readonly Reason[] | undefined
    const look = (): Promise<void> => new Promise((resolve) => (over = resolve))
    void settledReasons(() => (isMixed ? [passing('mixed')] : []), clock, look).then((all) => (found = all))
    await clock.advance(5_000)
    expect(found).toBeUndefined()
    isMixed = false
    over?.()
    await clock.advance(250)
    expect(found).toEqual([])
  })

  test('does not count when it goes', async () => {
    const { found, tookMs } = await judged((nowMs) => (nowMs < 600 ? [passing()] : []))
    expect([found, tookMs]).toEqual([[], 750])
  })

  test('does not count, and does not hold up, while its evidence changes', async () => {
    const { found, tookMs } = await judged((nowMs) => [passing(`at ${nowMs}`)])
    expect(found).toEqual([])
    expect(tookMs).toBeLessThanOrEqual(1_500)
  })
})
