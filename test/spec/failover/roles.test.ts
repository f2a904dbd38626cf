import { describe } from 'vitest'
import { scenario } from '../../support/scenario.ts'

const T1 = { role: 'master', timeline: 1 } as const
const T2 = { role: 'master', timeline: 2 } as const
const T3 = { role: 'master', timeline: 3 } as const
const REPLICA = { role: 'replica' } as const
const TRIO = { pgA: 'master', pgB: 'replica', pgC: 'replica' } as const

describe('promotion', () => {
  scenario('a promoted replica takes the writes; the old master comes back as a replica', [
    { atMs: 0, set: TRIO, withinMs: 0, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
    { atMs: 1_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null, replicas: ['pgB', 'pgC'] } },
    {
      atMs: 3_000,
      set: { pgB: T2 },
      withinMs: 40,
      expect: {
        master: 'pgB',
        replicas: ['pgC'],
        events: ['roleChange pgB replica -> master', 'masterChange pgA -> pgB (2)'],
      },
    },
    { atMs: 9_000, set: { pgA: REPLICA }, withinMs: 1_000, expect: { master: 'pgB', replicas: ['pgA', 'pgC'] } },
  ])

  for (const outageMs of [100, 500, 1_000, 2_000, 5_000, 12_500, 30_000, 60_000]) {
    const boundMs = Math.min(250, Math.max(30, 0.02 * outageMs)) + 10
    scenario(`law 9: after ${outageMs} ms without a master the new one is found within ${boundMs} ms`, [
      { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
      { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
      { atMs: 1_000 + outageMs, set: { pgC: T2 }, withinMs: boundMs, expect: { master: 'pgC', replicas: ['pgB'] } },
    ])
  }

  scenario('a promotion beside a living master fences it; it rejoins as a replica', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    {
      atMs: 1_500,
      set: { pgB: T2 },
      withinMs: 1_000,
      expect: {
        master: 'pgB',
        replicas: ['pgC'],
        states: { pgA: 'stale-master' },
        events: [
          'roleChange pgA master -> stale-master',
          'staleMaster pgA 1 < 2',
          'roleChange pgB replica -> master',
          'masterChange pgA -> pgB (2)',
        ],
      },
    },
    { atMs: 5_000, set: { pgA: { ...REPLICA, restart: true } }, withinMs: 1_000, expect: { replicas: ['pgA', 'pgC'] } },
  ])

  scenario('a jump of several timelines is one promotion', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 2_000, set: { pgB: { role: 'master', timeline: 7 } }, withinMs: 40, expect: { master: 'pgB' } },
    { atMs: 3_000, set: { pgA: { role: 'master', timeline: 6 } }, expect: { states: { pgA: 'stale-master' } } },
  ])

  scenario('the replicas’ connections live through the promotion of their host', [
    { atMs: 0, set: { pgA: 'master', pgB: 'replica' }, expect: { replicas: ['pgB'] } },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { replicas: ['pgB'] } },
    { atMs: 2_000, set: { pgB: T2 }, withinMs: 40, expect: { master: 'pgB', replicas: [] } },
  ])

  scenario('a cascade of failovers: each new master on its own timeline', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down', pgB: T2 }, withinMs: 40, expect: { master: 'pgB', replicas: ['pgC'] } },
    { atMs: 3_000, set: { pgA: REPLICA }, withinMs: 1_000, expect: { replicas: ['pgA', 'pgC'] } },
    { atMs: 6_000, set: { pgB: 'down', pgC: T3 }, withinMs: 40, expect: { master: 'pgC', replicas: ['pgA'] } },
    { atMs: 8_000, set: { pgB: REPLICA }, withinMs: 1_000, expect: { replicas: ['pgA', 'pgB'] } },
    {
      atMs: 11_000,
      set: { pgC: 'down', pgA: { role: 'master', timeline: 4 } },
      withinMs: 40,
      expect: { master: 'pgA', replicas: ['pgB'] },
    },
  ])

  scenario('the last host of three becomes the master', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down', pgB: 'down' }, withinMs: 20, expect: { master: null, replicas: ['pgC'] } },
    { atMs: 2_000, set: { pgC: T2 }, withinMs: 40, expect: { master: 'pgC', replicas: [] } },
  ])
})

describe('switchover', () => {
  scenario('the old master steps down first', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    {
      atMs: 1_500,
      set: { pgA: { ...REPLICA, restart: true } },
      withinMs: 20,
      expect: { master: null, replicas: ['pgA', 'pgB', 'pgC'] },
    },
    { atMs: 1_800, set: { pgB: T2 }, withinMs: 40, expect: { master: 'pgB', replicas: ['pgA', 'pgC'] } },
  ])

  scenario('the new master is promoted first', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_500, set: { pgB: T2 }, withinMs: 1_000, expect: { master: 'pgB', states: { pgA: 'stale-master' } } },
    {
      atMs: 2_700,
      set: { pgA: { ...REPLICA, restart: true } },
      withinMs: 20,
      expect: { master: 'pgB', replicas: ['pgA', 'pgC'] },
    },
  ])

  scenario('there and back again', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: { ...REPLICA, restart: true }, pgB: T2 }, expect: { master: 'pgB' } },
    { atMs: 4_000, set: { pgB: { ...REPLICA, restart: true }, pgA: T3 }, expect: { master: 'pgA' } },
    { atMs: 7_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])

  scenario('a demotion in place, without a restart, is seen at the next probe', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    {
      atMs: 1_500,
      set: { pgA: REPLICA },
      withinMs: 1_000,
      expect: { master: null, replicas: ['pgA', 'pgB', 'pgC'], events: ['roleChange pgA master -> replica'] },
    },
  ])
})

describe('a master restarts', () => {
  scenario('quickly: it stays the incumbent, and no change of master is told', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null } },
    { atMs: 2_300, set: { pgA: 'master' }, withinMs: 60, expect: { master: 'pgA', events: ['hostUp pgA master'] } },
  ])

  scenario('within the blink of an eye: only the connections are void', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: { ...T1, restart: true } }, withinMs: 20, expect: { master: 'pgA', events: [] } },
  ])

  scenario('through crash recovery', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: 'starting' }, withinMs: 20, expect: { master: null, states: { pgA: 'not-ready' } } },
    { atMs: 7_000, set: { pgA: 'master' }, withinMs: 110, expect: { master: 'pgA' } },
  ])

  scenario('as a standby, while another one is promoted: one change of master', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null, events: ['hostDown pgA unreachable'] } },
    { atMs: 3_000, set: { pgA: 'starting' }, withinMs: 60, expect: { states: { pgA: 'not-ready' } } },
    {
      atMs: 4_000,
      set: { pgB: T2 },
      withinMs: 50,
      expect: { master: 'pgB', events: ['roleChange pgB replica -> master', 'masterChange pgA -> pgB (2)'] },
    },
    {
      atMs: 6_000,
      set: { pgA: REPLICA },
      withinMs: 250,
      expect: { master: 'pgB', replicas: ['pgA', 'pgC'], events: ['hostUp pgA replica'] },
    },
  ])

  scenario('again and again', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null } },
    { atMs: 1_200, set: { pgA: 'starting' }, withinMs: 60, expect: { master: null } },
    { atMs: 1_400, set: { pgA: 'down' }, withinMs: 60, expect: { states: { pgA: 'unreachable' } } },
    { atMs: 1_600, set: { pgA: 'starting' }, withinMs: 60, expect: { states: { pgA: 'not-ready' } } },
    { atMs: 1_800, set: { pgA: 'master' }, withinMs: 60, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])
})

describe('a stale master', () => {
  scenario('that revives gets no lease of any kind', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 2_000, set: { pgB: T2 }, withinMs: 40, expect: { master: 'pgB' } },
    {
      atMs: 5_000,
      set: { pgA: T1 },
      withinMs: 1_000,
      expect: {
        master: 'pgB',
        replicas: ['pgC'],
        states: { pgA: 'stale-master' },
        events: ['hostUp pgA stale-master', 'staleMaster pgA 1 < 2'],
      },
    },
  ])

  scenario('is not even used when the new master is away', [
    { atMs: 0, set: { pgA: 'down', pgB: T2 }, expect: { master: 'pgB' } },
    { atMs: 1_000, set: { pgA: T1 }, withinMs: 1_000, expect: { states: { pgA: 'stale-master' } } },
    { atMs: 3_000, set: { pgB: 'down' }, withinMs: 20, expect: { master: null, replicas: [] } },
    { atMs: 60_000, expect: { master: null, states: { pgA: 'stale-master' } } },
    { atMs: 61_000, set: { pgB: T2 }, withinMs: 260, expect: { master: 'pgB' } },
  ])

  scenario('that was there first is fenced as soon as the higher timeline is seen', [
    { atMs: 0, set: { pgA: T1, pgB: 'down' }, expect: { master: 'pgA' } },
    {
      atMs: 2_000,
      set: { pgB: T2 },
      withinMs: 1_000,
      expect: {
        master: 'pgB',
        states: { pgA: 'stale-master' },
        events: [
          'roleChange pgA master -> stale-master',
          'staleMaster pgA 1 < 2',
          'hostUp pgB master',
          'masterChange pgA -> pgB (2)',
        ],
      },
    },
  ])

  scenario('that was frozen through the promotion is fenced when it thaws', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_500, set: { pgA: 'silent' }, expect: { master: null, states: { pgA: 'unreachable' } } },
    { atMs: 6_000, set: { pgB: T2 }, withinMs: 110, expect: { master: 'pgB' } },
    { atMs: 9_000, set: { pgA: T1 }, withinMs: 1_000, expect: { master: 'pgB', states: { pgA: 'stale-master' } } },
  ])

  scenario('that was rewound is a replica again', [
    { atMs: 0, set: { pgA: T1, pgB: T2 }, expect: { master: 'pgB', states: { pgA: 'stale-master' } } },
    { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { states: { pgA: 'unreachable' } } },
    { atMs: 3_000, set: { pgA: REPLICA }, withinMs: 1_000, expect: { master: 'pgB', replicas: ['pgA'] } },
  ])

  scenario('that is promoted once more, above all others, is the master', [
    { atMs: 0, set: { pgA: T1, pgB: T2 }, expect: { master: 'pgB' } },
    { atMs: 2_000, set: { pgA: T3 }, withinMs: 1_000, expect: { master: 'pgA', states: { pgB: 'stale-master' } } },
  ])
})

describe('split brain', () => {
  scenario('the incumbent keeps the role while another one writes on its timeline', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    {
      atMs: 1_500,
      set: { pgB: T1 },
      withinMs: 1_000,
      expect: {
        master: 'pgA',
        replicas: ['pgC'],
        states: { pgB: 'rival-master' },
        events: ['roleChange pgB replica -> rival-master', 'splitBrain pgB, master pgA'],
      },
    },
    { atMs: 5_000, set: { pgB: REPLICA }, withinMs: 1_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])

  scenario('two are promoted to one timeline: the first one seen keeps the role', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 2_000, set: { pgB: T2 }, withinMs: 40, expect: { master: 'pgB' } },
    { atMs: 2_100, set: { pgC: T2 }, withinMs: 1_000, expect: { master: 'pgB', states: { pgC: 'rival-master' } } },
    { atMs: 9_000, set: { pgC: 'down' }, withinMs: 20, expect: { master: 'pgB' } },
  ])

  scenario('the incumbent leaves the two: the one that is left alone is the master', [
    { atMs: 0, set: { pgA: 'down', pgB: T2, pgC: T2 }, expect: { master: 'pgB', states: { pgC: 'rival-master' } } },
    { atMs: 2_000, set: { pgB: 'down' }, withinMs: 20, expect: { master: 'pgC' } },
    { atMs: 4_000, set: { pgB: T2 }, withinMs: 1_000, expect: { master: 'pgC', states: { pgB: 'rival-master' } } },
  ])

  scenario('none is master when the incumbent steps down and two write on one timeline', [
    { atMs: 0, set: { pgA: T1, pgB: T1, pgC: T1 }, expect: { master: 'pgA', states: { pgB: 'rival-master' } } },
    {
      atMs: 1_500,
      set: { pgA: REPLICA },
      withinMs: 1_000,
      expect: { master: null, replicas: ['pgA'], states: { pgB: 'rival-master', pgC: 'rival-master' } },
    },
    { atMs: 9_000, set: { pgC: 'down' }, withinMs: 20, expect: { master: 'pgB' } },
  ])

  scenario('the incumbent that returns to its timeline meets the one that took over: the new one stays', [
    { atMs: 0, set: { pgA: T1, pgB: 'replica' }, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 2_000, set: { pgB: T1 }, withinMs: 40, expect: { master: 'pgB' } },
    { atMs: 4_000, set: { pgA: T1 }, withinMs: 1_000, expect: { master: 'pgB', states: { pgA: 'rival-master' } } },
  ])

  scenario('a higher timeline ends it', [
    { atMs: 0, set: { pgA: T1, pgB: T1 }, expect: { master: 'pgA', states: { pgB: 'rival-master' } } },
    { atMs: 2_000, set: { pgB: T2 }, withinMs: 1_000, expect: { master: 'pgB', states: { pgA: 'stale-master' } } },
  ])
})

describe('flapping', () => {
  scenario('a replica that comes and goes leaves the master alone', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgB: 'down' }, withinMs: 20, expect: { master: 'pgA', replicas: ['pgC'] } },
    { atMs: 2_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
    { atMs: 4_000, set: { pgB: 'down' }, withinMs: 20, expect: { master: 'pgA', replicas: ['pgC'] } },
    { atMs: 5_000, set: { pgB: 'replica' }, withinMs: 1_000, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])

  scenario('a master that comes and goes stays the incumbent', [
    { atMs: 0, set: TRIO, expect: { master: 'pgA' } },
    { atMs: 1_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null } },
    { atMs: 1_500, set: { pgA: 'master' }, withinMs: 60, expect: { master: 'pgA' } },
    { atMs: 2_000, set: { pgA: 'down' }, withinMs: 20, expect: { master: null } },
    { atMs: 2_500, set: { pgA: 'master' }, withinMs: 60, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])
})
