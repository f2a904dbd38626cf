import { describe } from 'vitest'
import { scenario } from '../../support/scenario.ts'
import type { Phase } from '../../support/scenario.ts'

/** The cluster goes on on timeline 25; 26 is what a claim is about. */
const LEADER = { role: 'master', timeline: 25 } as const
const FOLLOWER = { role: 'replica', timeline: 25, stats: true, receiver: 100 } as const
const PROMOTED = { role: 'master', timeline: 26 } as const
/** Restarted as a standby on the timeline that it made itself: nobody has that, and so no receiver runs. */
const ORPHAN = { role: 'replica', timeline: 26, receiver: 'none', restart: true } as const
const REWOUND = { role: 'replica', timeline: 25, receiver: 300, restart: true } as const
const FENCED = { master: null, states: { pgA: 'stale-master' } } as const
const FREE = { master: 'pgA', states: { pgA: 'master' } } as const
const HOUR_MS = 3_600_000

const PAIR: Phase = { atMs: 0, set: { pgA: LEADER, pgB: FOLLOWER }, withinMs: 0, expect: { master: 'pgA' } }
const TRIO: Phase = { ...PAIR, set: { ...PAIR.set, pgC: FOLLOWER } }
const TAKEN = { master: 'pgB', states: { pgA: 'stale-master' } } as const

describe('law 10: a short mistaken promotion beside a leader that never stopped', () => {
  for (const [what, begin] of [
    ['two hosts', PAIR],
    ['three hosts', TRIO],
  ] as const) {
    scenario(`the orphan of ${what} gives way after it was in recovery for as long as it was writable`, [
      begin,
      { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
      { atMs: 6_500, set: { pgB: 'down' }, withinMs: 20, expect: FENCED },
      { atMs: 6_800, set: { pgB: ORPHAN }, expect: FENCED },
      { atMs: 7_750, expect: { states: {} } },
      { atMs: 8_600, withinMs: 0, expect: { ...FREE, replicas: what === 'two hosts' ? ['pgB'] : ['pgB', 'pgC'] } },
    ])
  }

  scenario('a promotion of a moment is held against it for one second', [
    PAIR,
    { atMs: 4_990, set: { pgB: PROMOTED }, expect: TAKEN },
    { atMs: 6_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 6_950, expect: { states: {} } },
    { atMs: 7_100, withinMs: 0, expect: FREE },
  ])

  scenario('a check of the leader that failed since closes this way', [
    PAIR,
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 6_200, set: { pgA: 'silent' }, expect: { master: 'pgB' } },
    { atMs: 8_000, set: { pgA: LEADER }, expect: TAKEN },
    { atMs: 10_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 60_000, expect: FENCED },
  ])

  scenario('a leader that restarted between two checks closes it, too', [
    PAIR,
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 6_200, set: { pgA: { ...LEADER, restart: true } }, expect: TAKEN },
    { atMs: 7_500, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 60_000, expect: FENCED },
  ])

  scenario('a witness whose promotion nobody watched may have been master for an hour', [
    { atMs: 0, set: { pgA: LEADER, pgB: PROMOTED }, withinMs: 0, expect: TAKEN },
    { atMs: 5_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 60_000, expect: FENCED },
  ])
})

describe('law 10: a leader that restarts as a standby is a leader still', () => {
  scenario('beside an old one that thawed: a leader of an hour', [
    TRIO,
    { atMs: 5_000, set: { pgA: 'silent' }, expect: { master: null } },
    { atMs: 25_000, set: { pgB: PROMOTED }, withinMs: 300, expect: { master: 'pgB' } },
    { atMs: HOUR_MS, set: { pgA: LEADER }, expect: TAKEN },
    { atMs: HOUR_MS + 60_000, set: { pgB: 'down' }, expect: FENCED },
    { atMs: HOUR_MS + 64_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: HOUR_MS + 120_000, expect: FENCED },
    { atMs: HOUR_MS + 122_000, set: { pgB: { role: 'master', timeline: 27 } }, withinMs: 300, expect: TAKEN },
  ])

  scenario('beside an old one whose agent alone is frozen: it never stopped to take writes', [
    TRIO,
    { atMs: 25_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: HOUR_MS, set: { pgB: 'down' }, expect: FENCED },
    { atMs: HOUR_MS + 4_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: HOUR_MS + 120_000, expect: FENCED },
  ])

  scenario('also one of half a minute and a little', [
    PAIR,
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 36_500, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 90_000, expect: FENCED },
  ])

  scenario('an old one that thawed is not one that never stopped, however short the new leader was', [
    PAIR,
    { atMs: 5_000, set: { pgA: 'silent' }, expect: { master: null } },
    { atMs: 12_000, set: { pgB: PROMOTED }, withinMs: 300, expect: { master: 'pgB' } },
    { atMs: 13_000, set: { pgA: LEADER }, expect: TAKEN },
    { atMs: 16_000, set: { pgB: ORPHAN }, expect: FENCED },
    { atMs: 60_000, expect: FENCED },
  ])
})

describe('law 10: a witness that answers below its claim has given its timeline up', () => {
  for (const [what, stats, heldMs, freeMs] of [
    ['at once where its receiver shows the timeline', true, 0, 300],
    ['after two answers where it does not', false, 900, 1_400],
  ] as const) {
    scenario(`the rewound node, ${what}`, [
      PAIR,
      { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
      { atMs: 60_000, set: { pgB: 'down' }, expect: FENCED },
      { atMs: 65_000, set: { pgB: { ...REWOUND, stats } }, expect: stats ? { states: {} } : FENCED },
      { atMs: 65_000 + heldMs, expect: { states: {} } },
      { atMs: 65_000 + freeMs, withinMs: 0, expect: { ...FREE, replicas: ['pgB'] } },
    ])
  }

  scenario('but not one whose control file alone is below: it may be late', [
    PAIR,
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 60_000, set: { pgB: { ...ORPHAN, reached: 25 } }, expect: FENCED },
    { atMs: 90_000, set: { pgB: { receiver: 300, stats: true } }, expect: FENCED },
    { atMs: 120_000, expect: FENCED },
  ])

  scenario('a cluster restored in place from a base backup goes on on its lower timeline', [
    TRIO,
    {
      atMs: 5_000,
      set: { pgA: { ...REWOUND, timeline: 26 }, pgB: PROMOTED },
      withinMs: 1_000,
      expect: { master: 'pgB' },
    },
    { atMs: HOUR_MS, set: { pgA: 'down', pgB: 'down', pgC: 'down' }, expect: { master: null } },
    {
      atMs: HOUR_MS + 60_000,
      set: {
        pgA: { role: 'master', timeline: 3, restart: true },
        pgB: { ...REWOUND, timeline: 3 },
        pgC: { ...REWOUND, timeline: 3 },
      },
      withinMs: 1_000,
      expect: { master: 'pgA', replicas: ['pgB', 'pgC'] },
    },
  ])

  scenario('so does one whose witness itself is restored as the master', [
    PAIR,
    { atMs: HOUR_MS, set: { pgA: 'down', pgB: 'down' }, expect: { master: null } },
    {
      atMs: HOUR_MS + 60_000,
      set: { pgA: { role: 'master', timeline: 3, restart: true }, pgB: { ...REWOUND, timeline: 3 } },
      withinMs: 300,
      expect: { master: 'pgA', replicas: ['pgB'] },
    },
  ])
})

describe('law 10: a third host has begun to receive below the claim', () => {
  const begin: readonly Phase[] = [
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 60_000, set: { pgB: ORPHAN }, expect: FENCED },
  ]

  scenario('by a new receiver: the cluster goes on without the witness', [
    TRIO,
    ...begin,
    { atMs: 70_000, set: { pgC: { receiver: 200 } }, withinMs: 300, expect: { ...FREE, replicas: ['pgB', 'pgC'] } },
  ])

  scenario('by one that was seen to run no receiver in between, though its number is the same', [
    TRIO,
    ...begin,
    { atMs: 70_000, set: { pgC: { receiver: 'none' } }, expect: FENCED },
    { atMs: 72_000, set: { pgC: { receiver: 100 } }, withinMs: 300, expect: FREE },
  ])

  scenario('not by the old receiver, which may hang on an old master that thawed', [
    TRIO,
    ...begin,
    { atMs: 120_000, expect: FENCED },
  ])

  scenario('not by one behind the fork: it may be receiving the beginning of the higher timeline', [
    { ...TRIO, set: { ...TRIO.set, pgA: { ...LEADER, lsn: '0/900' } } },
    ...begin,
    { atMs: 70_000, set: { pgC: { receiver: 200, lsn: '0/800' } }, expect: FENCED },
    { atMs: 75_000, set: { pgC: { lsn: '0/900' } }, withinMs: 300, expect: FREE },
  ])

  scenario('not on the witness’s timeline', [
    TRIO,
    ...begin,
    { atMs: 70_000, set: { pgC: { receiver: 200, timeline: 26 } }, expect: FENCED },
    { atMs: 120_000, expect: FENCED },
  ])
})

describe('law 10: otherwise the fence holds', () => {
  scenario('while the witness is unreachable, for minutes as for ever', [
    TRIO,
    { atMs: 5_000, set: { pgB: PROMOTED }, withinMs: 1_000, expect: TAKEN },
    { atMs: 6_500, set: { pgB: 'down' }, expect: FENCED },
    { atMs: 600_000, expect: FENCED },
  ])

  scenario('a replica on a higher timeline fences nobody', [
    TRIO,
    { atMs: 5_000, set: { pgB: { ...FOLLOWER, timeline: 26 } }, expect: { master: 'pgA', replicas: ['pgB', 'pgC'] } },
  ])
})

describe('law 10: what cannot be is believed of nobody', () => {
  const LIARS = [
    ['says NaN', { role: 'master', timeline: Number.NaN }],
    ['says an unsigned −1', { role: 'master', timeline: 4_294_967_295 }],
    ['says a negative one', { role: 'master', timeline: -1 }],
    ['is a million timelines ahead', { role: 'master', timeline: 1_000_025 }],
    ['does not say of which cluster it is', { role: 'master', timeline: 26, rights: 'position' }],
  ] as const
  for (const [what, liar] of LIARS) {
    scenario(`a host that ${what} fences nobody, and takes the role from nobody`, [
      { atMs: 0, set: { pgA: LEADER, pgB: FOLLOWER, pgC: FOLLOWER }, withinMs: 0, expect: { master: 'pgA' } },
      {
        atMs: 2_000,
        set: { pgC: { ...liar, restart: true } },
        withinMs: 1_000,
        expect: { master: 'pgA', states: { pgC: 'rival-master' } },
      },
      { atMs: 5_000, set: { pgA: 'down' }, expect: { master: null, states: { pgC: 'rival-master' } } },
      { atMs: 9_000, set: { pgB: PROMOTED }, withinMs: 300, expect: { master: 'pgB' } },
      { atMs: 12_000, set: { pgC: 'down' }, expect: { master: 'pgB' } },
    ])

    scenario(`nor when a host that ${what} was there first`, [
      { atMs: 0, set: { pgC: liar, pgA: 'down' }, expect: { master: 'pgC' } },
      {
        atMs: 5_000,
        set: { pgA: LEADER },
        withinMs: 1_000,
        expect: { master: 'pgA', states: { pgC: 'rival-master' } },
      },
      { atMs: 9_000, set: { pgC: 'down' }, expect: { master: 'pgA' } },
    ])
  }

  scenario('a cluster all of whose hosts keep the identifier to themselves is served', [
    {
      atMs: 0,
      set: { pgA: { ...LEADER, rights: 'position' }, pgB: { ...FOLLOWER, rights: 'position' } },
      expect: FREE,
    },
    { atMs: 5_000, set: { pgA: 'down' }, expect: { master: null } },
    { atMs: 6_000, set: { pgB: PROMOTED }, withinMs: 300, expect: { master: 'pgB' } },
    { atMs: 8_000, set: { pgA: LEADER }, expect: TAKEN },
  ])
})
