import { describe, expect, test } from 'vitest'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import type { AnswerOf, Place } from '../../support/topology.ts'
import { after, answered, failed, idOf, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

type Row = readonly [name: string, answer: AnswerOf, place?: Place]

/** The snapshot after the hosts answered in this order. */
function seen(rows: readonly Row[], before: Topology = nothingKnown('a', 'b', 'c')): Topology {
  return after(before, rows.map(toObservation))
}

const toObservation = ([name, answer, place]: Row): HostObservation => answered(name, answer, place)
const T2: AnswerOf = { timeline: 2 }
const second: Place = { probe: 2 }

describe('law 10: the highest timeline is the master’s', () => {
  test.each<[string, readonly Row[], Record<string, string>]>([
    ['one writable host is the master', [['a', {}]], { a: 'master' }],
    [
      'a writable host on a lower timeline is stale, seen first',
      [
        ['a', {}],
        ['b', T2],
      ],
      { a: 'stale-master', b: 'master' },
    ],
    [
      'a writable host on a lower timeline is stale, seen last',
      [
        ['b', T2],
        ['a', {}],
      ],
      { a: 'stale-master', b: 'master' },
    ],
    [
      'a jump of several timelines counts like one',
      [
        ['a', {}],
        ['b', { timeline: 9 }],
      ],
      { a: 'stale-master', b: 'master' },
    ],
    [
      'the LSN decides nothing: a stale master ahead of the master is stale',
      [
        ['a', { lsn: 0xffff_ffff_ffffn }],
        ['b', { timeline: 2, lsn: 1n }],
      ],
      { a: 'stale-master', b: 'master' },
    ],
    [
      'the LSN decides nothing: the incumbent stays master on the same timeline',
      [
        ['a', { lsn: 1n }],
        ['b', { lsn: 0xffff_ffff_ffffn }],
      ],
      { a: 'master', b: 'rival-master' },
    ],
    [
      'a stale master that is read-only is stale all the same',
      [
        ['b', T2],
        ['a', { readOnlyDefault: true }],
      ],
      { a: 'stale-master', b: 'master' },
    ],
    [
      'a read-only master raises the timeline, though it takes no writes',
      [
        ['a', {}],
        ['b', { timeline: 2, readOnlyDefault: true }],
      ],
      { a: 'stale-master', b: 'read-only-master' },
    ],
    [
      'a replica’s timeline is not compared',
      [
        ['a', {}],
        ['b', { inRecovery: true, timeline: 9 }],
      ],
      { a: 'master', b: 'replica' },
    ],
    [
      'a host that cannot tell its timeline is not shown to be stale',
      [
        ['b', T2],
        ['a', { timeline: undefined }],
      ],
      { a: 'rival-master', b: 'master' },
    ],
  ])('%s', (_what, rows, kinds) => {
    expect(kindsOf(seen(rows))).toMatchObject(kinds)
  })

  test('the highest timeline is remembered while nobody is on it', () => {
    const promoted = seen([
      ['a', {}],
      ['b', T2],
    ])
    const gone = after(promoted, [failed('b', 'down', second)])
    expect(gone.fencing).toMatchObject({ highestTimeline: 2, incumbent: idOf('b') })
    expect(kindsOf(gone)).toMatchObject({ a: 'stale-master', b: 'unreachable' })
    expect(kindsOf(seen([['a', {}, second]], gone)).a).toBe('stale-master')
    expect(kindsOf(seen([['a', { timeline: 3 }, second]], gone)).a).toBe('master')
  })
})

describe('law 10: two writable hosts on one timeline are split brain', () => {
  test('the incumbent keeps the role, in whichever order they answer', () => {
    const both = seen([
      ['b', {}],
      ['a', {}],
    ])
    expect(kindsOf(both)).toMatchObject({ a: 'rival-master', b: 'master' })
    expect(kindsOf(seen([['b', {}, second]], both))).toMatchObject({ a: 'rival-master', b: 'master' })
  })

  test('none is master when the incumbent is neither of them', () => {
    const three = seen([
      ['c', {}],
      ['a', {}],
      ['b', {}],
    ])
    const demoted = seen([['c', REPLICA, second]], three)
    expect(kindsOf(demoted)).toEqual({ a: 'rival-master', b: 'rival-master', c: 'replica' })
    expect(demoted.masterlessSinceMs).toBe(0)
    expect(demoted.fencing.incumbent).toBe(idOf('c'))
  })

  test('the one that is left is master when the other steps down', () => {
    const rivals = seen([
      ['c', {}],
      ['a', {}],
      ['b', {}],
      ['c', REPLICA, second],
    ])
    expect(kindsOf(seen([['b', REPLICA, second]], rivals))).toMatchObject({ a: 'master', b: 'replica' })
  })

  test('the incumbent is remembered through its absence', () => {
    const away = after(seen([['a', {}]]), [failed('a', 'down', second)])
    const both = seen(
      [
        ['b', { timeline: undefined }],
        ['a', {}, { probe: 3 }],
      ],
      away,
    )
    expect(kindsOf(both)).toMatchObject({ a: 'rival-master', b: 'master' })
  })

  test('two names of one server are no split brain', () => {
    const same = { incarnation: 'one life' }
    expect(
      kindsOf(
        seen([
          ['a', same],
          ['b', same],
        ]),
      ),
    ).toMatchObject({ a: 'master', b: 'duplicate-master' })
  })

  test.each<[string, AnswerOf]>([
    ['the life is unknown', { incarnation: undefined }],
    ['the cluster is unknown', { systemId: undefined, incarnation: 'one life' }],
  ])('servers are not the same when %s', (_what, answer) => {
    expect(
      kindsOf(
        seen([
          ['a', answer],
          ['b', answer],
        ]),
      ),
    ).toMatchObject({ a: 'master', b: 'rival-master' })
  })

  test('the first of two names is elected, also when neither was master before', () => {
    const same = { incarnation: 'one life' }
    const away = after(
      seen([
        ['c', {}],
        ['a', same],
        ['b', same],
      ]),
      [failed('c', 'down', second)],
    )
    expect(kindsOf(away)).toMatchObject({ a: 'master', b: 'duplicate-master' })
  })
})

describe('law 10: a foreign cluster is out', () => {
  const alien: AnswerOf = { systemId: '8000' }

  test.each<[string, readonly Row[], Record<string, string>]>([
    [
      'the majority decides',
      [
        ['a', alien],
        ['b', REPLICA],
        ['c', {}],
      ],
      { a: 'foreign-cluster', b: 'replica', c: 'master' },
    ],
    [
      'on a tie the first seen stays',
      [
        ['b', {}],
        ['a', alien],
      ],
      { a: 'foreign-cluster', b: 'master' },
    ],
    [
      'a foreign replica is out too',
      [
        ['b', {}],
        ['a', { ...alien, ...REPLICA }],
      ],
      { a: 'foreign-cluster' },
    ],
    [
      'a host that cannot tell is not foreign',
      [
        ['b', {}],
        ['a', { systemId: undefined, ...REPLICA }],
      ],
      { a: 'replica' },
    ],
    [
      'a foreign timeline does not fence',
      [
        ['b', {}],
        ['a', { ...alien, timeline: 99 }],
      ],
      { b: 'master' },
    ],
  ])('%s', (_what, rows, kinds) => {
    expect(kindsOf(seen(rows))).toMatchObject(kinds)
  })

  test('an absent host still votes, so that an outage does not change the cluster', () => {
    const known = seen([
      ['b', {}],
      ['c', REPLICA],
      ['a', alien],
    ])
    const away = after(known, [failed('b', 'down', second), failed('c', 'down', second)])
    expect(away.fencing.systemId).toBe('7000')
    expect(kindsOf(away).a).toBe('foreign-cluster')
  })

  test('timelines of a cluster that was left behind do not fence the new one', () => {
    const old = seen([['a', { timeline: 9 }]])
    const moved = seen(
      [
        ['b', alien],
        ['c', { ...alien, ...REPLICA }],
      ],
      old,
    )
    expect(moved.fencing).toMatchObject({ systemId: '8000', highestTimeline: 1, incumbent: idOf('b') })
    expect(kindsOf(moved)).toEqual({ a: 'foreign-cluster', b: 'master', c: 'replica' })
  })

  test('the timelines seen before the cluster told its name count until a host tells it', () => {
    const nameless = seen([['a', { systemId: undefined, timeline: 5 }]])
    const demoted = seen([['a', { systemId: undefined, ...REPLICA }, second]], nameless)
    expect(demoted.fencing).toMatchObject({ systemId: undefined, highestTimeline: 5 })
    const below = seen([['b', { systemId: undefined }]], demoted)
    expect(kindsOf(below).b).toBe('stale-master')
    expect(seen([['b', {}, second]], below).fencing).toMatchObject({ systemId: '7000', highestTimeline: 1 })
  })

  test('the timelines of a cluster that is left are remembered until it is come back to', () => {
    const old = seen([['a', { timeline: 9 }]])
    const left = seen(
      [
        ['b', alien],
        ['c', { ...alien, ...REPLICA }],
      ],
      old,
    )
    const back = seen(
      [
        ['b', { timeline: 8 }, second],
        ['c', REPLICA, second],
      ],
      left,
    )
    expect(back.fencing).toMatchObject({ systemId: '7000', highestTimeline: 9 })
    expect(kindsOf(back)).toEqual({ a: 'master', b: 'stale-master', c: 'replica' })
  })
})

describe('the epoch', () => {
  test('counts masters: one for each change, none for an absence', () => {
    const first = seen([['a', {}]])
    const away = after(first, [failed('a', 'down', second)])
    const back = seen([['a', {}, { probe: 3 }]], away)
    const moved = seen([['b', T2]], back)
    expect([first, away, back, moved].map(({ fencing }) => fencing.epoch)).toEqual([1, 1, 1, 2])
  })
})

describe('with multiMaster', () => {
  const multi = (...rows: Row[]): Topology =>
    after(nothingKnown('a', 'b', 'c'), rows.map(toObservation), { multiMaster: true })

  test('every writable host is a master, whatever its timeline and cluster', () => {
    const kinds = kindsOf(multi(['a', {}], ['b', { timeline: 9, systemId: '8000' }], ['c', REPLICA]))
    expect(kinds).toEqual({ a: 'master', b: 'master', c: 'replica' })
  })

  test('a read-only one is not', () => {
    expect(kindsOf(multi(['a', { readOnlyDefault: true }])).a).toBe('read-only-master')
  })

  test('the incumbent stays as long as it is a master, and each new one has a number', () => {
    const rows: HostObservation[] = [
      answered('b'),
      answered('a'),
      failed('b', 'down', second),
      answered('b', {}, { probe: 3 }),
    ]
    const fencing = rows.map(
      (_row, index) => after(nothingKnown('a', 'b'), rows.slice(0, index + 1), { multiMaster: true }).fencing,
    )
    expect(fencing.map(({ incumbent, epoch }) => [incumbent, epoch])).toEqual([
      [idOf('b'), 1],
      [idOf('b'), 1],
      [idOf('a'), 2],
      [idOf('a'), 2],
    ])
  })
})
