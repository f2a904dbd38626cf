import { describe } from 'vitest'
import { scenario } from '../../support/scenario.ts'

const T1 = { role: 'master', timeline: 1 } as const
const TRIO = { pgA: 'master', pgB: 'replica', pgC: 'replica' } as const
/** Probes begin at 0, 900…1000, …: a check every second, and one second to answer. */
const STEADY = { refreshDelayMs: 1_000, refreshTimeoutMs: 1_000, random: () => 0 }

describe('law 12: a frozen host is first doubted, then given up on a fresh connection', () => {
  scenario(
    'a replica',
    [
      { atMs: 0, set: TRIO, expect: { replicas: ['pgB', 'pgC'] } },
      { atMs: 1_500, set: { pgB: 'silent' }, expect: { states: { pgB: 'replica' } } },
      { atMs: 2_999, expect: { states: { pgB: 'suspect replica' } } },
      { atMs: 3_001, expect: { states: { pgB: 'suspect replica' } } },
      { atMs: 3_999, expect: { states: { pgB: 'unreachable' } } },
      { atMs: 4_001, expect: { replicas: ['pgC'] } },
      { atMs: 9_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { replicas: ['pgB', 'pgC'] } },
    ],
    STEADY,
  )

  scenario(
    'a master: no new leases from the first missed deadline on',
    [
      { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
      { atMs: 1_500, set: { pgA: 'silent' }, expect: { states: { pgA: 'master' } } },
      { atMs: 2_900, expect: { master: null, states: { pgA: 'suspect master' } } },
      { atMs: 3_100, expect: { master: null, states: { pgA: 'suspect master' } } },
      { atMs: 3_900, withinMs: 100, expect: { master: null, states: { pgA: 'unreachable' } } },
      { atMs: 9_000, set: { pgA: 'master' }, withinMs: 250, expect: { master: 'pgA' } },
    ],
    STEADY,
  )

  scenario(
    'a thaw between the two signs ends the suspicion, without a change of master',
    [
      { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
      { atMs: 1_500, set: { pgA: 'silent' }, expect: {} },
      { atMs: 3_200, set: { pgA: 'master' }, withinMs: 0, expect: { master: 'pgA', events: [] } },
    ],
    STEADY,
  )

  scenario(
    'a freeze shorter than the deadline is not even noticed',
    [
      { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
      { atMs: 1_500, set: { pgA: 'silent', pgB: 'silent' }, expect: { states: { pgA: 'master', pgB: 'replica' } } },
      { atMs: 2_400, set: { pgA: 'master', pgB: 'replica' }, withinMs: 0, expect: { master: 'pgA', events: [] } },
    ],
    STEADY,
  )

  scenario('a suspected replica is the last choice, and still a choice', [
    { atMs: 0, set: { pgA: 'master', pgB: 'replica' }, expect: { replicas: ['pgB'] } },
    { atMs: 2_100, set: { pgB: 'silent' }, expect: {} },
    { atMs: 4_000, expect: { states: { pgB: 'suspect replica' } } },
    { atMs: 4_010, set: { pgB: 'replica' }, withinMs: 0, expect: { replicas: ['pgB'], states: { pgB: 'replica' } } },
  ])

  scenario('all hosts freeze, and thaw', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_500, set: { pgA: 'silent', pgB: 'silent', pgC: 'silent' }, expect: {} },
    { atMs: 5_000, expect: { master: null, replicas: [] } },
    { atMs: 9_000, set: TRIO, withinMs: 250, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])
})

describe('law 13: the application stands still', () => {
  for (const stallMs of [900, 1_500, 2_500, 10_000, 60_000]) {
    scenario(`for ${stallMs} ms: no host is blamed`, [
      { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
      { atMs: 1_500, stallMs, expect: { events: [] } },
      { atMs: 70_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'], events: [] } },
    ])
  }

  scenario('while a host freezes: the round is void, then the host is given up as ever', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_990, set: { pgB: 'silent' }, expect: {} },
    { atMs: 2_050, stallMs: 5_000, expect: { states: { pgB: 'replica' }, events: [] } },
    { atMs: 7_060, expect: { states: { pgB: 'replica' } } },
    { atMs: 7_900, expect: {} },
    { atMs: 10_200, expect: { master: 'pgA', states: { pgB: 'unreachable' } } },
  ])

  scenario('again and again', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, stallMs: 2_000, expect: {} },
    { atMs: 4_000, stallMs: 2_000, expect: {} },
    { atMs: 7_000, stallMs: 2_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'], events: [] } },
  ])
})

describe('hosts come and go', () => {
  scenario('all at once, and back', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    {
      atMs: 2_000,
      set: { pgA: 'down', pgB: 'down', pgC: 'down' },
      withinMs: 20,
      expect: { master: null, replicas: [] },
    },
    { atMs: 4_000, set: TRIO, withinMs: 60, expect: { master: 'pgA' } },
    { atMs: 6_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])

  scenario('our own network fails, and comes back: the master is the same', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: 'silent', pgB: 'silent', pgC: 'silent' }, expect: {} },
    { atMs: 6_000, expect: { master: null, replicas: [] } },
    { atMs: 30_000, set: TRIO, withinMs: 250, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])

  scenario('all replicas fail: the master takes the reads when it may', [
    { atMs: 0, set: TRIO, expect: { replicas: ['pgB', 'pgC'] } },
    { atMs: 2_000, set: { pgB: 'down', pgC: 'down' }, withinMs: 20, expect: { master: 'pgA', replicas: [] } },
    { atMs: 4_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { replicas: ['pgB'] } },
  ])

  scenario('a server that restarts with a wrong pg_hba is left alone, then tried again', [
    { atMs: 0, set: TRIO, expect: { replicas: ['pgB', 'pgC'] } },
    { atMs: 1_000, set: { pgB: 'down' }, withinMs: 20, expect: { replicas: ['pgC'] } },
    { atMs: 2_000, set: { pgB: 'refusing' }, withinMs: 1_000, expect: { states: { pgB: 'rejected' } } },
    { atMs: 5_000, set: { pgB: 'replica' }, expect: {} },
    { atMs: 33_000, withinMs: 0, expect: { replicas: ['pgB', 'pgC'] } },
  ])

  scenario('a server without a free slot for a probe that was cut off stays what it was', [
    { atMs: 0, set: { pgA: 'master', pgB: 'replica' }, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: { ...T1, restart: true } }, withinMs: 20, expect: { master: 'pgA' } },
    { atMs: 4_000, set: { pgA: 'full' }, expect: { states: { pgA: 'master' } } },
  ])
})
