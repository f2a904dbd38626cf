import { describe, expect, test } from 'vitest'
import type { HostFault } from '../../../src/host-fault.ts'
import { reduceTopology } from '../../../src/topology/reduce.ts'
import { masters, replicas } from '../../../src/topology/topology.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, hostOf, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const rules = { multiMaster: false }
const pair = after(nothingKnown('a', 'b'), [answered('a', {}, { probe: 3 }), answered('b', REPLICA, { probe: 3 })])

describe('law 3: old evidence changes nothing', () => {
  test.each([
    ['an older probe’s answer', answered('a', REPLICA, { probe: 2 })],
    ['an older probe’s failure', failed('a', 'down', { probe: 2 })],
    ['a host that is not of the DSN', answered('z')],
    ['a pooled connection’s loss', failed('a', 'lost', { probe: 3, generation: 0 })],
    ['a pooled connection that found no slot', failed('a', 'capacity', { probe: 3, generation: 0 })],
    ['a pooled connection that was refused', failed('a', 'access', { probe: 3, generation: 0 })],
    ['a replica’s role in doubt', failed('b', 'role-doubted', { probe: 3, generation: 0 })],
  ])('%s returns the very same snapshot', (_what, observation) => {
    expect(reduceTopology(pair, observation, rules)).toBe(pair)
  })

  test('a fault on a connection of an older generation is not news', () => {
    const again = after(pair, [failed('a', 'down', { probe: 4 }), answered('a', {}, { probe: 5 })])
    expect(hostOf(again, 'a').generation).toBe(1)
    expect(reduceTopology(again, failed('a', 'role-doubted', { probe: 5, generation: 0 }), rules)).toBe(again)
    expect(kindsOf(reduceTopology(again, failed('a', 'role-doubted', { probe: 5, generation: 1 }), rules)).a).toBe(
      'suspect master',
    )
  })
})

describe('a new snapshot', () => {
  test('has the next revision, and shares every host that did not change', () => {
    const next = reduceTopology(pair, answered('a', {}, { probe: 4 }), rules)
    expect(next.revision).toBe(pair.revision + 1)
    expect(hostOf(next, 'b')).toBe(hostOf(pair, 'b'))
    expect(hostOf(next, 'a')).not.toBe(hostOf(pair, 'a'))
  })

  test('is frozen, with its hosts and its fencing', () => {
    const parts = [pair, pair.fencing, ...pair.hosts.values()]
    expect(parts.every((part) => Object.isFrozen(part))).toBe(true)
  })
})

describe('since when a host is what it is', () => {
  test('moves with the kind only', () => {
    const still = after(pair, [answered('a', {}, { probe: 4, atMs: 500 })])
    expect(hostOf(still, 'a')).toMatchObject({ sinceMs: 0, seenAtMs: 500 })
    const doubted = after(pair, [failed('a', 'silent', { probe: 4, atMs: 600 })])
    expect(hostOf(doubted, 'a')).toMatchObject({ sinceMs: 0, suspicion: { sinceMs: 600 } })
    const gone = after(doubted, [failed('a', 'silent', { probe: 5, atMs: 700 })])
    expect(hostOf(gone, 'a').sinceMs).toBe(700)
    expect(hostOf(after(gone, [failed('a', 'down', { probe: 6, atMs: 800 })]), 'a').sinceMs).toBe(700)
  })

  test('also moves for a host that is fenced by what another one says', () => {
    const fenced = after(pair, [answered('b', { timeline: 2 }, { probe: 4, atMs: 900 })])
    expect(hostOf(fenced, 'a')).toMatchObject({ kind: 'stale-master', sinceMs: 900, probe: 3 })
  })
})

describe('the generation of connections', () => {
  test.each<[string, Parameters<typeof after>[1], number]>([
    ['an answer like the one before', [answered('a', {}, { probe: 4 })], 0],
    ['a suspicion', [failed('a', 'silent', { probe: 4 })], 0],
    ['not being ready', [failed('a', 'not-ready', { probe: 4 })], 0],
    ['refusing us', [failed('a', 'access', { probe: 4 })], 0],
    ['read-only by setting', [answered('a', { readOnlyDefault: true }, { probe: 4 })], 0],
    ['being unreachable', [failed('a', 'down', { probe: 4 })], 1],
    ['being unreachable still', [failed('a', 'down', { probe: 4 }), failed('a', 'down', { probe: 5 })], 1],
    ['being fenced by another', [answered('b', { timeline: 2 }, { probe: 4 })], 1],
    ['belonging to another cluster', [answered('a', { systemId: '8000' }, { probe: 4 })], 1],
    ['having stepped down', [answered('a', REPLICA, { probe: 4 })], 1],
    ['another life of the server', [answered('a', { incarnation: 'life 2' }, { probe: 4 })], 1],
    [
      'another life after it was not ready',
      [failed('a', 'not-ready', { probe: 4 }), answered('a', { incarnation: 'life 2' }, { probe: 5 })],
      1,
    ],
    [
      'the same life after it was not ready',
      [failed('a', 'not-ready', { probe: 4 }), answered('a', {}, { probe: 5 })],
      0,
    ],
    [
      'being back as a replica after it was away',
      [failed('a', 'down', { probe: 4 }), answered('a', REPLICA, { probe: 5 })],
      2,
    ],
  ])('after %s', (_what, observations, generation) => {
    expect(hostOf(after(pair, observations), 'a').generation).toBe(generation)
  })

  test('a promotion voids nothing: connections survive it', () => {
    expect(hostOf(after(pair, [answered('b', { timeline: 2 }, { probe: 4 })]), 'b').generation).toBe(0)
  })

  test('a rival in a split brain starts a new one', () => {
    const split = after(pair, [answered('b', {}, { probe: 4 })])
    expect(hostOf(split, 'b')).toMatchObject({ kind: 'rival-master', generation: 1 })
  })

  test('a host whose life was unknown has begun no other one', () => {
    const nameless: AnswerOf = { incarnation: undefined }
    const known = after(nothingKnown('a'), [answered('a', nameless), answered('a', {}, { probe: 2 })])
    expect(hostOf(known, 'a').generation).toBe(0)
  })
})

describe('the time without a master', () => {
  test('begins with the first snapshot, ends with a master, and begins again with its absence', () => {
    const start = nothingKnown('a', 'b')
    const replicaOnly = after(start, [answered('b', REPLICA, { atMs: 50 })])
    const found = after(replicaOnly, [answered('a', {}, { atMs: 100 })])
    const doubted = after(found, [failed('a', 'silent', { probe: 2, atMs: 300 })])
    const gone = after(doubted, [failed('a', 'silent', { probe: 3, atMs: 400 })])
    const times = [start, replicaOnly, found, doubted, gone].map(({ masterlessSinceMs }) => masterlessSinceMs)
    expect(times).toEqual([0, 0, undefined, 300, 300])
  })

  test('a master under suspicion takes no writes; a replica under suspicion is still listed', () => {
    const doubted = after(pair, [failed('a', 'silent', { probe: 4 }), failed('b', 'silent', { probe: 4 })])
    expect(masters(doubted)).toEqual([])
    expect(replicas(doubted).map(({ kind }) => kind)).toEqual(['replica'])
  })

  test('a read-only master takes reads', () => {
    const readOnly = after(pair, [answered('a', { readOnlyDefault: true }, { probe: 4 })])
    expect([masters(readOnly).length, replicas(readOnly).length]).toEqual([0, 2])
  })
})

describe('law 11: no failure ever grants a role', () => {
  const faults: HostFault[] = ['down', 'lost', 'silent', 'not-ready', 'access', 'capacity', 'role-doubted']
  const cases = faults.flatMap((fault) => [0, undefined].map((generation) => [fault, generation] as const))

  test.each(cases)('%s on generation %s', (fault, generation) => {
    const unknown = nothingKnown('a', 'b')
    for (const before of [unknown, after(unknown, [answered('b', REPLICA)])]) {
      const next = after(before, [failed('a', fault, { generation }), failed('b', fault, { probe: 2, generation })])
      expect(masters(next)).toEqual([])
      expect(kindsOf(next).a).not.toBe('replica')
    }
  })
})
