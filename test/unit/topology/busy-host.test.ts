import { describe, expect, test } from 'vitest'
import { diffTopology } from '../../../src/topology/diff.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { masters } from '../../../src/topology/topology.ts'
import type { AnswerOf, Place } from '../../support/topology.ts'
import { after, answered, failed, hostOf, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

type Fault = Parameters<typeof failed>[1]

const missed = (name: string, place: Place, isAlive: boolean, fault: Fault = 'silent'): HostObservation => ({
  ...failed(name, fault, place),
  kind: 'failed',
  fault,
  cause: new Error(`${name} ${fault}`),
  isAlive,
})
const names = (topology: Topology): readonly string[] => masters(topology).map(({ hostId }) => hostId)
const start = after(nothingKnown('a', 'b'), [answered('a', {}), answered('b', REPLICA)])
const doubtOf = (topology: Topology, name: string): unknown => {
  const host = hostOf(topology, name)
  return 'suspicion' in host ? host.suspicion?.fault : undefined
}

describe('law 12: a host that misses its checks, but lives', () => {
  test('is busy for as long as it lives, and never unreachable; its master goes on being one', () => {
    let topology = start
    for (let probe = 2; probe < 50; probe += 1) {
      topology = after(topology, [missed('a', { probe, atMs: probe }, true)])
      expect(doubtOf(topology, 'a')).toBe('busy')
      expect(names(topology)).toEqual(['a:5432'])
      expect(topology.masterlessSinceMs).toBeUndefined()
    }
    expect(hostOf(topology, 'a')).toMatchObject({ seenAtMs: 0, sinceMs: 0, generation: 0, probe: 49 })
    expect(doubtOf(after(topology, [answered('a', {}, { probe: 50 })]), 'a')).toBeUndefined()
  })

  test('is out after two misses without a sign of life, whatever came before', () => {
    const busy = after(start, [missed('a', { probe: 2 }, true)])
    const silent = after(busy, [missed('a', { probe: 3 }, false)])
    expect(doubtOf(silent, 'a')).toBe('silent')
    expect(names(silent)).toEqual([])
    expect(kindsOf(after(silent, [missed('a', { probe: 4 }, false)]))['a']).toBe('unreachable')
    // A sign in between makes it busy again.
    const again = after(silent, [missed('a', { probe: 4 }, true)])
    expect(doubtOf(again, 'a')).toBe('busy')
    expect(names(again)).toEqual(['a:5432'])
  })

  test.each(['unresolved', 'server-error', 'role-hint'] as const)(
    'a check that failed with %s is as one missed',
    (fault) => {
      expect(doubtOf(after(start, [missed('a', { probe: 2 }, true, fault)]), 'a')).toBe('busy')
    },
  )

  test.each(['role-doubted', 'not-ready', 'down'] as const)(
    'stays in doubt over %s: a sign of life grants no role',
    (fault) => {
      const doubted = after(start, [failed('a', fault, { probe: 1, generation: 0 })])
      const alive = after(
        doubted,
        [2, 3, 4].map((probe) => missed('a', { probe }, true)),
      )
      expect(doubtOf(alive, 'a')).toBe(fault)
      expect(names(alive)).toEqual([])
    },
  )

  test('a write that is refused takes the role of a busy master at once, also between two checks', () => {
    const busy = after(start, [missed('a', { probe: 2 }, true)])
    const refused = after(busy, [failed('a', 'role-doubted', { probe: 2, generation: 0 })])
    expect(doubtOf(refused, 'a')).toBe('role-doubted')
    expect(names(refused)).toEqual([])
  })

  test('a check that is turned away leaves a busy host busy, and one that was lost is asked again', () => {
    const busy = after(start, [missed('a', { probe: 2 }, true)])
    expect(doubtOf(after(busy, [missed('a', { probe: 3 }, true, 'lost')]), 'a')).toBe('busy')
    const lost = after(
      start,
      [2, 3, 4].map((probe) => missed('a', { probe }, true, 'lost')),
    )
    expect(doubtOf(lost, 'a')).toBe('lost')
    expect(kindsOf(after(lost, [missed('a', { probe: 5 }, false, 'lost')]))['a']).toBe('unreachable')
  })

  test('one that was never known stays out', () => {
    expect(kindsOf(after(nothingKnown('a'), [missed('a', { probe: 1 }, true)]))['a']).toBe('unreachable')
  })

  test('a connect that takes too long says nothing more of a busy one', () => {
    const busy = after(start, [missed('a', { probe: 2 }, true)])
    expect(after(busy, [failed('a', 'silent', { probe: 3, generation: 0 })])).toBe(busy)
  })

  test('no connection becomes void, and whoever waits chooses again when the doubt grows', () => {
    const busy = after(start, [missed('a', { probe: 2 }, true)])
    expect(diffTopology(start, busy).map(({ kind }) => kind)).toEqual(['host-suspected'])
    const still = after(busy, [missed('a', { probe: 3 }, true)])
    expect(diffTopology(busy, still)).toEqual([])
    const silent = after(still, [missed('a', { probe: 4 }, false)])
    expect(diffTopology(still, silent).map(({ kind }) => kind)).toEqual(['host-suspected', 'master-lost'])
  })
})

describe('a busy master and its successor', () => {
  const untold: AnswerOf = { timeline: undefined, lsn: undefined }
  const before = after(nothingKnown('a', 'b'), [answered('a', untold), answered('b', { ...REPLICA, ...untold })])

  test('of a higher timeline: it is fenced with the answer', () => {
    const busy = after(start, [missed('a', { probe: 2, atMs: 2_000 }, true)])
    const promoted = after(busy, [answered('b', { timeline: 2 }, { probe: 2, atMs: 2_100 })])
    expect(kindsOf(promoted)).toEqual({ a: 'suspect stale-master', b: 'master' })
  })

  test('without timelines: it yields to one that has been writable only since its own last answer', () => {
    const busy = after(before, [missed('a', { probe: 2, atMs: 2_000 }, true)])
    const promoted = after(busy, [answered('b', untold, { probe: 2, atMs: 2_100 })])
    expect(kindsOf(promoted)).toEqual({ a: 'suspect rival-master', b: 'master' })
  })

  test('without timelines: a rival of old that was away gets nothing by its first answer', () => {
    const split = after(before, [
      answered('b', untold, { probe: 2, atMs: 1_000 }),
      answered('a', untold, { probe: 2, atMs: 1_500 }),
      failed('b', 'down', { probe: 3, atMs: 2_000 }),
      missed('a', { probe: 3, atMs: 2_500 }, true),
      answered('b', untold, { probe: 4, atMs: 2_600 }),
    ])
    expect(kindsOf(split)).toEqual({ a: 'suspect master', b: 'rival-master' })
  })

  test('without timelines: a rival of old gets nothing by the incumbent being busy', () => {
    const split = after(before, [
      answered('b', untold, { probe: 2, atMs: 1_000 }),
      answered('a', untold, { probe: 2, atMs: 1_500 }),
      missed('a', { probe: 3, atMs: 2_500 }, true),
      answered('b', untold, { probe: 3, atMs: 2_600 }),
    ])
    expect(kindsOf(split)).toEqual({ a: 'suspect master', b: 'rival-master' })
  })
})

describe('checks that go another way than the pool', () => {
  const blocked = (place: Place): HostObservation => ({
    ...failed('b', 'down', { generation: 0, ...place }),
    kind: 'failed',
    fault: 'down',
    cause: new Error('refused'),
    isOnDetour: true,
  })

  test('do not put right that the pool cannot connect; it is tried anew after five seconds', () => {
    let topology = after(start, [blocked({ probe: 1, atMs: 100 })])
    expect(doubtOf(topology, 'b')).toBe('path')
    topology = after(topology, [answered('b', REPLICA, { probe: 2, atMs: 1_000 })])
    expect(doubtOf(topology, 'b')).toBe('path')
    topology = after(topology, [blocked({ probe: 2, atMs: 2_000 }), answered('b', REPLICA, { probe: 3, atMs: 6_900 })])
    expect(doubtOf(topology, 'b')).toBe('path')
    expect(doubtOf(after(topology, [answered('b', REPLICA, { probe: 4, atMs: 7_000 })]), 'b')).toBeUndefined()
  })

  test('find a silent host out all the same', () => {
    const topology = after(start, [
      blocked({ probe: 1, atMs: 100 }),
      missed('b', { probe: 2 }, false),
      missed('b', { probe: 3 }, false),
    ])
    expect(kindsOf(topology)['b']).toBe('unreachable')
  })
})
