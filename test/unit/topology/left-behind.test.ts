import { describe, expect, test } from 'vitest'
import { diffTopology } from '../../../src/topology/diff.ts'
import type { TopologyChange } from '../../../src/topology/diff.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { after, answered, failed, hostOf, idOf, nothingKnown, REPLICA } from '../../support/topology.ts'
import type { AnswerOf } from '../../support/topology.ts'

const pair = after(nothingKnown('a', 'b'), [answered('a', {}, { probe: 3 }), answered('b', REPLICA, { probe: 3 })])

/** What becomes of the connections to `a`, whose probe failed with a fault, when `b` answers. */
function voided(before: Topology, b: AnswerOf, multiMaster = false): readonly TopologyChange[] {
  const next = after(before, [answered('b', b, { probe: 4 })], { multiMaster })
  return diffTopology(before, next).filter(({ kind }) => kind === 'connections-void')
}

describe('law 10: of a master that lets nobody in, connections that still work are cut off when another one replaces it:', () => {
  test.each(['access', 'not-ready'] as const)('%s', (fault) => {
    const before = after(pair, [failed('a', fault, { probe: 4 })])
    const changes = voided(before, { timeline: 2 })
    expect(changes).toMatchObject([{ host: { hostId: idOf('a') }, generation: 1, interrupt: true }])
  })

  test('once: more news of the new master changes nothing', () => {
    const before = after(pair, [failed('a', 'access', { probe: 4 }), answered('b', { timeline: 2 }, { probe: 4 })])
    const next = after(before, [answered('b', { timeline: 2 }, { probe: 5 })])
    expect(hostOf(next, 'a')).toBe(hostOf(before, 'a'))
    expect(hostOf(after(next, [failed('a', 'access', { probe: 5 })]), 'a').generation).toBe(1)
  })

  test('also when it is refused only after it was replaced', () => {
    const suspected = after(pair, [failed('a', 'silent', { probe: 4 })])
    const fenced = after(suspected, [answered('b', { timeline: 2 }, { probe: 4 })])
    expect(hostOf(fenced, 'a')).toMatchObject({ kind: 'stale-master', generation: 1 })
  })

  test.each([
    ['a replica stays a replica', pair, REPLICA, false],
    ['the other host is on the same timeline', pair, { timeline: 1 }, false],
    ['there may be several masters', pair, { timeline: 2 }, true],
    ['it belongs to another cluster', pair, { timeline: 2, systemId: '8000' }, false],
  ] as const)('not when %s', (_why, start, b, multiMaster) => {
    const before = after(start, [failed('a', 'access', { probe: 4 })], { multiMaster })
    expect(
      voided(before, b, multiMaster).filter((change) => 'host' in change && change.host.hostId === idOf('a')),
    ).toEqual([])
  })

  test('nor when it was a replica itself', () => {
    const before = after(nothingKnown('a', 'b'), [
      answered('a', REPLICA, { probe: 3 }),
      answered('b', REPLICA, { probe: 3 }),
      failed('a', 'access', { probe: 4 }),
    ])
    expect(voided(before, { timeline: 2 })).toEqual([])
  })
})
