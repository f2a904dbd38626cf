import { describe, expect, test } from 'vitest'
import { reduceTopology } from '../../../src/topology/reduce.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { ms } from '../../../src/time/milliseconds.ts'
import { unreachable } from '../../../src/selection/freshness.ts'
import { diffTopology } from '../../../src/topology/diff.ts'
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

describe('acceptMaster', () => {
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
