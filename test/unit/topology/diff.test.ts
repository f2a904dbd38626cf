import { describe, expect, test } from 'vitest'
import type { TopologyChange } from '../../../src/topology/diff.ts'
import { diffTopology } from '../../../src/topology/diff.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { after, answered, failed, idOf, kindOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const pair = after(nothingKnown('a', 'b'), [answered('a'), answered('b', REPLICA)])

/** The changes in words, in their order. */
function changes(before: Topology, ...seen: HostObservation[]): readonly string[] {
  return diffTopology(before, after(before, seen)).map(inWords)
}

function inWords(change: TopologyChange): string {
  switch (change.kind) {
    case 'connections-void':
      return `${change.host.hostId} void before ${change.generation}${change.interrupt ? ', interrupt' : ''}`
    case 'host-changed':
      return `${change.after.hostId} ${change.before.kind} -> ${change.after.kind}`
    case 'host-suspected':
      return `${change.host.hostId} ${kindOf(change.host)}`
    case 'replica-detached':
      return `${change.host.hostId} detached: ${change.detached.reason}`
    case 'replica-follows':
      return `${change.host.hostId} follows again, after ${change.before.reason}`
    case 'master-changed':
      return `master ${change.before ?? 'none'} -> ${change.after} (${change.epoch})`
    case 'master-accepted':
      return `${change.accepted.hostId} accepted over ${change.accepted.dismissed.map(({ hostId }) => hostId).join()}`
    case 'master-lost':
      return `master lost at ${change.sinceMs}`
    case 'master-found':
      return `master found after ${change.outageMs}`
  }
}

describe('the difference of two snapshots', () => {
  test('of one and the same is nothing', () => {
    expect(diffTopology(pair, pair)).toEqual([])
  })

  test('an answer like the one before is a new snapshot, and no news', () => {
    expect(changes(pair, answered('a', {}, { probe: 2, atMs: 5 }))).toEqual([])
  })

  test('the first answer: the host, the master, the end of the search', () => {
    expect(changes(nothingKnown('a', 'b'), answered('a', {}, { atMs: 70 }))).toEqual([
      'a:5432 unknown -> master',
      'master none -> a:5432 (1)',
      'master found after 70',
    ])
  })

  test('a suspicion is told once', () => {
    const seen = failed('a', 'silent', { probe: 2, atMs: 100 })
    expect(changes(pair, seen)).toEqual(['a:5432 suspect master', 'master lost at 100'])
    const doubted = after(pair, [seen])
    expect(changes(doubted, failed('a', 'lost', { probe: 3, atMs: 120 }))).toEqual([])
    expect(changes(doubted, answered('a', {}, { probe: 3, atMs: 150 }))).toEqual(['master found after 50'])
  })

  test('an absence voids the connections before anybody hears of it', () => {
    expect(changes(pair, failed('a', 'down', { probe: 2, atMs: 10 }))).toEqual([
      'a:5432 void before 1, interrupt',
      'a:5432 master -> unreachable',
      'master lost at 10',
    ])
  })

  test('a promotion beside the old master: fencing and the new master in one step', () => {
    expect(changes(pair, answered('b', { timeline: 2 }, { probe: 2, atMs: 10 }))).toEqual([
      'a:5432 void before 1, interrupt',
      'a:5432 master -> stale-master',
      'b:5432 replica -> master',
      'master a:5432 -> b:5432 (2)',
    ])
  })

  test.each<[string, readonly string[], HostObservation]>([
    [
      'a demotion',
      ['a:5432 void before 1', 'a:5432 master -> replica', 'master lost at 10'],
      answered('a', REPLICA, at(10)),
    ],
    ['a split brain', ['b:5432 void before 1', 'b:5432 replica -> rival-master'], answered('b', {}, at(10))],
    [
      'a foreign cluster',
      ['b:5432 void before 1, interrupt', 'b:5432 replica -> foreign-cluster'],
      answered('b', { ...REPLICA, systemId: '8000' }, at(10)),
    ],
    ['a restart', ['b:5432 void before 1'], answered('b', { ...REPLICA, incarnation: 'life 2' }, at(10))],
    ['not being ready', ['b:5432 replica -> not-ready'], failed('b', 'not-ready', at(10))],
    ['refusing us', ['b:5432 replica -> rejected'], failed('b', 'access', at(10))],
  ])('%s: %j', (_what, wanted, observation) => {
    expect(changes(pair, observation)).toEqual(wanted)
  })

  test('no outage is negative: a rival that was seen before the outage began is master when the other steps down', () => {
    const rivals = after(nothingKnown('a', 'b', 'c'), [
      answered('c', {}, { atMs: 10 }),
      answered('a', {}, { atMs: 20 }),
      answered('b', {}, { atMs: 30 }),
      answered('c', REPLICA, { probe: 2, atMs: 100 }),
    ])
    expect(changes(rivals, answered('b', REPLICA, { probe: 2, atMs: 160 }))).toContain('master found after 60')
  })

  test('no outage is negative: with multiMaster the master found is one without suspicion', () => {
    const multi = { multiMaster: true }
    const gone = after(
      nothingKnown('a', 'b'),
      [answered('a', {}, { atMs: 10 }), failed('a', 'silent', { probe: 2, atMs: 100 })],
      multi,
    )
    const found = after(gone, [answered('b', {}, { atMs: 130 })], multi)
    expect(diffTopology(gone, found).map(inWords)).toContain('master found after 30')
    expect(found.fencing.incumbent).toBe(idOf('a'))
  })

  function at(atMs: number): { probe: number; atMs: number } {
    return { probe: 2, atMs }
  }
})
