import { describe, expect, test } from 'vitest'
import { reduceTopology } from '../../../src/topology/reduce.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { isAnswering } from '../../../src/topology/host-description.ts'
import { unreachable } from '../../../src/selection/freshness.ts'
import { diffTopology } from '../../../src/topology/diff.ts'
import { describeFence } from '../../../src/manager/explain.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, idOf, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const rules = { multiMaster: false }
const LOW = { timeline: 25 }
const HIGH = { timeline: 26 }
const BACK = { ...REPLICA, reachedTimeline: 25, receivedTimeline: 25, receiver: 7, incarnation: 'b life 2' }

/** A is on 25; B was promoted to 26 beside it. */
const fenced = after(nothingKnown('a', 'b'), [
  answered('a', LOW),
  answered('b', { ...REPLICA, reachedTimeline: 25 }, { atMs: 10 }),
  answered('b', HIGH, { probe: 2, atMs: 1_000 }),
])
const accept = (before: Topology, name: string, atMs = 5_000): Topology =>
  reduceTopology(before, { kind: 'accepted', hostId: idOf(name), atMs: ms(atMs) }, rules)

describe('law 10: a claim', () => {
  test('outlives its host’s disappearance from the hosts', () => {
    const hosts = new Map(fenced.hosts)
    hosts.delete(idOf('b'))
    const alone = after({ ...fenced, hosts }, [answered('a', LOW, { probe: 2, atMs: 2_000 })])
    expect(kindsOf(alone)).toEqual({ a: 'stale-master' })
    expect(alone.fencing.claims.map(({ hostId, timeline }) => [hostId, timeline])).toContainEqual([idOf('b'), 26])
  })

  test('is ended by no old evidence', () => {
    const later = after(fenced, [answered('b', HIGH, { probe: 9, atMs: 2_000 })])
    expect(reduceTopology(later, answered('b', BACK, { probe: 8, atMs: 3_000 }), rules)).toBe(later)
  })

  test('is one for each host and cluster, however often the host is promoted', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      answered('b', { timeline: 27 + index }, { probe: 3 + index, atMs: 2_000 + index }),
    )
    const { claims } = after(fenced, many).fencing
    expect(claims.filter(({ hostId }) => hostId === idOf('b'))).toHaveLength(1)
  })

  test('a check that found no free slot is a gap, though the host is what it was', () => {
    const full = after(fenced, [failed('a', 'capacity', { probe: 2, atMs: 1_500 })])
    expect(full.fencing.claims.find(({ hostId }) => hostId === idOf('b'))?.unbroken.size).toBe(0)
  })

  test('a write token of a timeline that was given up is refused, once the claim has ended', () => {
    const token = { systemId: '7000', timeline: 26, lsn: 0x200n }
    const ended = after(fenced, [answered('b', BACK, { probe: 3, atMs: 3_000 })])
    expect(kindsOf(ended)).toEqual({ a: 'master', b: 'replica' })
    expect(ended.fencing.abandoned).toEqual([{ systemId: '7000', timeline: 26 }])
    expect(unreachable(ended, token)).toMatch(/timeline 26/)
    expect(unreachable(ended, { ...token, timeline: 27 })).toBeUndefined()
  })
})

describe('law 10 behind endpoints: a claim is one of a server', () => {
  const at = (name: string, began: number): AnswerOf => ({
    incarnation: `${name} life 1`,
    serverAddress: `${name}:5432`,
    lifeBeganMs: ms(began),
  })
  const [A, B, C] = [at('A', -90_000), at('B', -80_000), at('C', -70_000)]
  const later = { serverAddress: undefined, ...at('D', 2_500) }
  /** B after it was restarted as a standby on the timeline that it had made. */
  const orphan: AnswerOf = {
    ...at('B', 1_800),
    incarnation: 'B life 2',
    ...REPLICA,
    reachedTimeline: 26,
    receiver: 'none',
  }
  /** The writer leads to A; the reader led to B, which was promoted. */
  const moved = after(nothingKnown('rw', 'ro'), [
    answered('rw', { ...A, ...LOW }),
    answered('ro', { ...B, ...REPLICA, reachedTimeline: 25 }, { atMs: 10 }),
    answered('ro', { ...B, ...HIGH }, { probe: 2, atMs: 1_000 }),
  ])
  const twice = (given: AnswerOf): HostObservation[] =>
    [3, 4, 5].map((probe) => answered('ro', given, { probe, atMs: probe * 1_000 }))

  test.each<[string, AnswerOf]>([
    ['a replica that still receives the old timeline', { receivedTimeline: 25, receiver: 7 }],
    ['one that does not show which timeline it receives', { receiver: 7 }],
    ['one without a receiver', { receiver: 'none' }],
    ['one that has followed', { receivedTimeline: 26, reachedTimeline: 26, receiver: 7 }],
  ])('%s, where the reader leads now, does not end it', (_what, given) => {
    const there = after(moved, twice({ ...C, ...REPLICA, reachedTimeline: 25, ...given }))
    expect(kindsOf(there)).toEqual({ rw: 'stale-master', ro: 'replica' })
    const [host] = [...there.hosts.values()]
    expect(host?.kind === 'stale-master' ? describeFence(host, there, 6_000) : '').toBe(
      'fenced: ro:5432, which leads to another server now, was last seen writable on timeline 26',
    )
  })

  test.each(['127.0.0.1:5432', undefined])(
    'at the address %s, which every server may have, servers are told apart by their lives',
    (serverAddress) => {
      const all = after(nothingKnown('rw', 'ro'), [
        answered('rw', { ...A, ...LOW, serverAddress }),
        answered('ro', { ...B, ...REPLICA, reachedTimeline: 25, serverAddress }, { atMs: 10 }),
        answered('ro', { ...B, ...HIGH, serverAddress }, { probe: 2, atMs: 1_000 }),
      ])
      const receiving = { ...REPLICA, reachedTimeline: 25, receivedTimeline: 25, receiver: 7, serverAddress }
      expect(kindsOf(after(all, twice({ ...C, ...receiving })))).toEqual({ rw: 'stale-master', ro: 'replica' })
      expect(kindsOf(after(all, twice({ ...later, ...receiving, serverAddress })))).toMatchObject({ rw: 'master' })
    },
  )

  test('the witness ends its claim under whatever name it answers', () => {
    const replicaB = { ...B, ...REPLICA, reachedTimeline: 25 }
    const led = after(nothingKnown('rw', 'db1', 'db2'), [
      answered('rw', { ...A, ...LOW }),
      answered('db1', { ...A, ...LOW }),
      answered('db2', replicaB),
      answered('rw', { ...B, ...HIGH }, { probe: 2, atMs: 1_000 }),
      answered('rw', { ...A, ...LOW }, { probe: 3, atMs: 1_600 }),
    ])
    expect(kindsOf(led)).toEqual({ rw: 'stale-master', db1: 'stale-master', db2: 'replica' })
    const rewound = {
      ...at('B', 1_500),
      incarnation: 'B life 2',
      ...REPLICA,
      reachedTimeline: 25,
      receivedTimeline: 25,
      receiver: 7,
    }
    const back = after(led, [
      answered('db2', rewound, { probe: 2, atMs: 3_000 }),
      failed('rw', 'down', { probe: 4, atMs: 3_100 }),
    ])
    expect(kindsOf(back)).toEqual({ rw: 'unreachable', db1: 'master', db2: 'replica' })
  })

  test.each([
    ['the same address', 'B:5432'],
    ['another address', 'X:5432'],
    ['no address', undefined],
  ])(
    'a witness that is restarted and goes on taking writes keeps one claim, which ends: at %s',
    (_where, serverAddress) => {
      const lives = Array.from({ length: 40 }, (_, index) =>
        answered(
          'ro',
          { ...HIGH, incarnation: `B life ${2 + index}`, serverAddress, lifeBeganMs: ms(1_050 + 10 * index) },
          { probe: 3 + index, atMs: 1_060 + 10 * index },
        ),
      )
      const restarted = after(moved, lives)
      expect(restarted.fencing.claims).toHaveLength(2)
      const orphan: AnswerOf = {
        ...REPLICA,
        reachedTimeline: 26,
        receiver: 'none',
        incarnation: 'B life 99',
        serverAddress,
        lifeBeganMs: ms(1_900),
      }
      const a = [2, 3, 4].map((probe) => answered('rw', { ...A, ...LOW }, { probe, atMs: 1_500 + probe * 500 }))
      const seen = [50, 51, 52].map((probe) => answered('ro', orphan, { probe, atMs: 2_000 + (probe - 50) * 800 }))
      const all = [...a, ...seen].sort((one, other) => one.atMs - other.atMs)
      expect(kindsOf(after(restarted, all))).toMatchObject({ rw: 'master' })
    },
  )

  test('a server seen writable under a name has a claim of its own, which holds when that of another one ends', () => {
    const follows = { ...REPLICA, reachedTimeline: 25, receivedTimeline: 25, receiver: 7 }
    const both = after(moved, [
      answered('ro', { ...C, timeline: 27 }, { probe: 3, atMs: 3_000 }),
      answered('ro', { ...at('B', 2_500), incarnation: 'B life 2', ...follows }, { probe: 4, atMs: 4_000 }),
    ])
    const timelines = both.fencing.claims.map(({ hostId, timeline }) => [hostId, timeline])
    expect(timelines).toEqual([
      [idOf('rw'), 25],
      [idOf('ro'), 27],
    ])
    const accepted = accept(after(both, [answered('rw', { ...A, ...LOW }, { probe: 2, atMs: 5_000 })]), 'rw', 6_000)
    expect(accepted.fencing.dismissals).toEqual([{ hostId: idOf('ro'), systemId: '7000', timeline: 27 }])
  })

  test('of several claims under one name the highest is what is dismissed', () => {
    const both = after(moved, [answered('ro', { ...C, timeline: 27 }, { probe: 3, atMs: 3_000 })])
    expect(both.fencing.claims).toHaveLength(3)
    const { dismissals } = accept(both, 'rw', 6_000).fencing
    expect(dismissals).toEqual([{ hostId: idOf('ro'), systemId: '7000', timeline: 27 }])
  })

  test('nor does the old master itself, under the reader’s name', () => {
    const both = after(moved, twice({ ...A, ...LOW }))
    expect(kindsOf(both)).toEqual({ rw: 'stale-master', ro: 'stale-master' })
    expect([...both.hosts.values()].map((host) => (isAnswering(host) ? describeFence(host, both, 6_000) : ''))).toEqual(
      Array.from(
        { length: 2 },
        () => 'fenced: ro:5432, which leads to another server now, was last seen writable on timeline 26',
      ),
    )
    expect(kindsOf(accept(both, 'ro', 7_000))).toEqual({ rw: 'duplicate-master', ro: 'master' })
  })

  test('a witness that follows its own timeline has not given it up, whatever server it is', () => {
    const follows = { ...REPLICA, reachedTimeline: 26, receivedTimeline: 26, receiver: 7 }
    expect(kindsOf(after(moved, twice({ ...later, ...follows })))).toMatchObject({ rw: 'stale-master' })
  })

  test.each<[string, AnswerOf]>([
    ['at its address', { ...at('B', 2_500), incarnation: 'B life 2' }],
    ['at another address', { ...at('X', 2_500), incarnation: 'B life 2' }],
    ['behind a pooler that hides the restart', B],
    ['that tells nothing of its life', { ...B, incarnation: undefined, lifeBeganMs: undefined }],
  ])('the witness itself, rewound, ends it: %s', (_what, given) => {
    const rewound = { ...REPLICA, reachedTimeline: 25, receivedTimeline: 25, receiver: 7 }
    expect(kindsOf(after(moved, twice({ ...given, ...rewound })))).toEqual({ rw: 'master', ro: 'replica' })
  })

  test('a look at another server is no gap: the witness ends its claim by what it answered before and after', () => {
    const elsewhere: AnswerOf = { ...C, ...REPLICA, reachedTimeline: 25, receiver: 7 }
    const story = (...answers: AnswerOf[]): HostObservation[] => {
      const seen = answers.map((given, index) => answered('ro', given, { probe: 3 + index, atMs: 2_000 + index * 700 }))
      const a = [2, 3, 4].map((probe) => answered('rw', { ...A, ...LOW }, { probe, atMs: probe * 700 }))
      return [...seen, ...a].sort((one, other) => one.atMs - other.atMs)
    }
    expect(kindsOf(after(moved, story(orphan, elsewhere)))).toMatchObject({ rw: 'stale-master' })
    expect(kindsOf(after(moved, story(orphan, elsewhere, orphan)))).toEqual({ rw: 'master', ro: 'replica' })
    const again = { ...orphan, ...at('B', 2_900), incarnation: 'B life 3' }
    expect(kindsOf(after(moved, story(orphan, elsewhere, again)))).toMatchObject({ rw: 'stale-master' })
  })

  test('that another server under the name was in recovery says nothing of how long the witness was writable', () => {
    const led = after(nothingKnown('rw', 'ro'), [
      answered('rw', { ...A, ...LOW }),
      answered('ro', { ...C, ...REPLICA, reachedTimeline: 25 }, { atMs: 10 }),
      answered('ro', { ...B, ...HIGH }, { probe: 2, atMs: 1_000 }),
    ])
    expect(kindsOf(after(led, twice(orphan)))).toMatchObject({ rw: 'stale-master' })
    expect(kindsOf(after(moved, twice(orphan)))).toEqual({ rw: 'master', ro: 'replica' })
  })
})

describe('acceptMaster', () => {
  test('of one name of a server leaves its other name what it is', () => {
    const same = { ...LOW, incarnation: 'a life 1' }
    const named = after(nothingKnown('db1', 'vip', 'db2'), [
      answered('db1', same),
      answered('vip', same),
      answered('db2', { ...REPLICA, reachedTimeline: 25 }),
      answered('db2', HIGH, { probe: 2, atMs: 1_000 }),
      failed('vip', 'down', { probe: 2, atMs: 1_500 }),
      failed('db2', 'down', { probe: 3, atMs: 2_000 }),
    ])
    const decided = accept(named, 'db1')
    expect(decided.fencing.dismissals.map(({ hostId }) => hostId)).toEqual([idOf('db2')])
    expect(kindsOf(after(decided, [answered('vip', same, { probe: 3, atMs: 6_000 })]))).toMatchObject({
      db1: 'master',
      vip: 'duplicate-master',
    })
    const restarted = { ...LOW, incarnation: 'a life 2' }
    const again = accept(
      after(nothingKnown('db1', 'vip'), [
        answered('db1', same),
        answered('vip', same),
        answered('db1', restarted, { probe: 2, atMs: 1_000 }),
        answered('vip', restarted, { probe: 2, atMs: 1_010 }),
      ]),
      'vip',
    )
    expect(again.fencing.dismissals).toEqual([])
    const alone = [
      failed('vip', 'down', { probe: 3, atMs: 6_000 }),
      answered('db1', { ...LOW, incarnation: 'a life 3' }, { probe: 3, atMs: 6_010 }),
    ]
    expect(kindsOf(after(again, alone))).toEqual({ db1: 'master', vip: 'unreachable' })
  })

  test('a name that led to the dismissed server may lead to the accepted one later, through its restarts', () => {
    const led = after(nothingKnown('db1', 'vip'), [
      answered('db1', { ...LOW, incarnation: 'a life 1' }),
      answered('vip', { ...REPLICA, reachedTimeline: 25 }),
      answered('vip', HIGH, { probe: 2, atMs: 1_000 }),
    ])
    const decided = accept(led, 'db1')
    const story = [1, 2].map((life) =>
      after(decided, [
        answered('db1', { ...LOW, incarnation: `a life ${life}` }, { probe: 2, atMs: 6_000 }),
        answered('vip', { ...LOW, incarnation: `a life ${life}` }, { probe: 3, atMs: 6_100 }),
      ]),
    )
    for (const seen of story) expect(kindsOf(seen)).toEqual({ db1: 'master', vip: 'duplicate-master' })
    expect(diffTopology(decided, story[1] ?? decided).map(({ kind }) => kind)).not.toContain('master-accepted')
  })

  test('takes a host whose checks are answered while its pool cannot connect', () => {
    const split = after(nothingKnown('a', 'b'), [answered('a', LOW), answered('b', LOW)])
    const path: HostObservation = {
      ...failed('b', 'down', { probe: 1, generation: 1 }),
      kind: 'failed',
      isOnDetour: true,
    } as never
    const blocked = after(split, [path])
    expect(kindsOf(blocked)).toMatchObject({ b: 'suspect rival-master' })
    expect(kindsOf(accept(blocked, 'b'))).toMatchObject({ a: 'stale-master', b: 'suspect master' })
  })

  const gone = after(fenced, [failed('b', 'down', { probe: 3, atMs: 2_000 })])
  const accepted = accept(gone, 'a')

  test('dismisses the claims above, in one step, and says so', () => {
    expect(kindsOf(accepted)).toEqual({ a: 'master', b: 'unreachable' })
    expect(accepted.fencing.dismissals).toEqual([{ hostId: idOf('b'), systemId: '7000', timeline: 26 }])
    const kinds = diffTopology(gone, accepted).map(({ kind }) => kind)
    expect(kinds).toContain('master-accepted')
    expect(accepted.fencing).toMatchObject({ incumbent: idOf('a'), highestTimeline: 25 })
  })

  test('twice is once', () => {
    expect(accept(accepted, 'a', 6_000)).toBe(accepted)
  })

  test('the dismissed host is stale at that timeline until it was in recovery, and a higher one is a new claim', () => {
    const back = after(accepted, [answered('b', HIGH, { probe: 4, atMs: 7_000 })])
    expect(kindsOf(back)).toEqual({ a: 'master', b: 'stale-master' })
    expect(kindsOf(after(back, [answered('b', { timeline: 27 }, { probe: 5, atMs: 8_000 })]))).toEqual({
      a: 'stale-master',
      b: 'master',
    })
    const tamed = after(back, [
      answered('b', BACK, { probe: 5, atMs: 8_000 }),
      answered('b', HIGH, { probe: 6, atMs: 9_000 }),
    ])
    expect(tamed.fencing.dismissals).toEqual([])
    expect(kindsOf(tamed)).toEqual({ a: 'stale-master', b: 'master' })
  })

  test('decides a split brain, and the rival does not come back when the master is away', () => {
    const split = after(nothingKnown('a', 'b'), [answered('a', LOW), answered('b', LOW)])
    expect(kindsOf(split)).toEqual({ a: 'master', b: 'rival-master' })
    const decided = accept(split, 'b')
    expect(kindsOf(decided)).toEqual({ a: 'stale-master', b: 'master' })
    expect(kindsOf(after(decided, [failed('b', 'down', { probe: 2 })]))).toEqual({
      a: 'stale-master',
      b: 'unreachable',
    })
  })

  test.each([
    ['a host that does not answer', gone, 'b'],
    ['a replica', after(fenced, [answered('b', BACK, { probe: 3, atMs: 3_000 })]), 'b'],
    ['a host under suspicion', after(fenced, [failed('a', 'silent', { probe: 2, atMs: 2_000 })]), 'a'],
  ])('%s is not accepted', (_what, topology, name) => {
    expect(accept(topology, name)).toBe(topology)
  })
})
