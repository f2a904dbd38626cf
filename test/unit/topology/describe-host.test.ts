import { describe, expect, test } from 'vitest'
import type { AnsweringHost, HostDescription } from '../../../src/topology/host-description.ts'
import { isAnswering } from '../../../src/topology/host-description.ts'
import { describeHost, isOlderEvidence } from '../../../src/topology/describe-host.ts'
import type { HostFault } from '../../../src/host-fault.ts'
import { after, answered, failed, hostOf, kindOf, nothingKnown, REPLICA } from '../../support/topology.ts'

const unknown = hostOf(nothingKnown('db'), 'db')
const master = known({})
const replica = known(REPLICA)

function known(answer: Parameters<typeof answered>[1]): AnsweringHost {
  const host = describeHost(unknown, answered('db', answer, { probe: 5, roundTripMs: 10 }))
  if (!isAnswering(host)) throw new Error('it should answer')
  return host
}

function suspected(fault: HostFault, probe = 6): HostDescription {
  return describeHost(replica, failed('db', fault, { probe }))
}

describe('law 3: older evidence', () => {
  const later = { ...master, probe: 5, generation: 2 }

  test.each([
    ['an older probe', { probe: 4 }, true],
    ['the same probe', { probe: 5 }, false],
    ['a newer probe', { probe: 6 }, false],
    ['a connection of an older generation', { probe: 5, generation: 1 }, true],
    ['a connection of the same generation', { probe: 5, generation: 2 }, false],
    ['a connection of a newer generation', { probe: 5, generation: 3 }, false],
    ['a current connection, but seen before an older probe', { probe: 4, generation: 2 }, true],
    ['an old connection seen during a newer probe', { probe: 6, generation: 1 }, true],
  ])('%s: %j is older: %j', (_what, place, older) => {
    expect(isOlderEvidence(later, failed('db', 'down', place))).toBe(older)
    expect(isOlderEvidence(later, answered('db', {}, place))).toBe(older)
  })
})

describe('an answer', () => {
  test('makes a host what it says it is, and clears nothing it does not know of', () => {
    expect(describeHost(unknown, answered('db', {}))).toMatchObject({ kind: 'master', probe: 1, suspicion: undefined })
    expect(describeHost(unknown, answered('db', REPLICA))).toMatchObject({ kind: 'replica' })
  })

  test.each([
    [{}, []],
    [REPLICA, []],
    [{ lsn: undefined, timeline: undefined, systemId: undefined }, ['position', 'timeline', 'systemId']],
    [{ ...REPLICA, reachedTimeline: undefined, systemId: undefined }, ['timeline', 'systemId']],
    [{ timeline: undefined }, ['timeline']],
    [{ ...REPLICA, receivedTimeline: undefined, receiver: undefined }, []],
  ])('%j lacks %j', (given, lacks) => {
    expect(describeHost(unknown, answered('db', given))).toMatchObject({ lacks })
  })

  test('that shows everything again lacks nothing any more', () => {
    const before = describeHost(unknown, answered('db', { lsn: undefined }))
    expect(describeHost(before, answered('db', {}, { probe: 2 }))).toMatchObject({ lacks: [] })
  })

  test('carries its round trip, and the median of the last eight, of two the smaller one', () => {
    expect(master).toMatchObject({ roundTripMs: 10, responseTimeMs: 10 })
    const seen: unknown[] = []
    let host = master
    for (const [index, roundTripMs] of [20, 2, 3, 500, 4, 5, 6, 7, 8, 9].entries()) {
      const next = describeHost(host, answered('db', {}, { probe: 6 + index, roundTripMs }))
      if (next.kind !== 'master') throw new Error(`it is ${next.kind}`)
      host = next
      expect(host.roundTripMs).toBe(roundTripMs)
      seen.push(host.responseTimeMs)
    }
    // 10 and those, each time: the first leaves with the ninth.
    expect(seen).toEqual([10, 10, 3, 10, 4, 5, 5, 5, 5, 6])
  })

  test('after an absence is measured anew', () => {
    const away = describeHost(master, failed('db', 'down', { probe: 6 }))
    const back = describeHost(away, answered('db', {}, { probe: 7, roundTripMs: 30 }))
    expect(back).toMatchObject({ kind: 'master', responseTimeMs: 30 })
  })

  test.each([
    [6, 'suspect replica'],
    [7, 'replica'],
  ])('to probe %i leaves a host that was suspected during probe 6 a %s', (probe, kind) => {
    expect(kindOf(describeHost(suspected('lost', 6), answered('db', REPLICA, { probe })))).toBe(kind)
  })
})

describe('a failure', () => {
  test('a second one keeps the moment when the suspicion began, and dates what must be answered anew', () => {
    const first = describeHost(master, failed('db', 'role-doubted', { probe: 6, atMs: 100, generation: 0 }))
    const second = describeHost(first, failed('db', 'lost', { probe: 7, atMs: 200 }))
    expect(second).toMatchObject({ probe: 7, suspicion: { sinceMs: 100, probe: 7 } })
    expect(second).toMatchObject({ suspicion: { cause: { message: 'db lost' } } })
  })

  test('of a fresh connection that is lost like the one before makes it unreachable', () => {
    const first = describeHost(replica, failed('db', 'lost', { probe: 6 }))
    expect(describeHost(first, failed('db', 'lost', { probe: 6 }))).toBe(first)
    expect(describeHost(first, failed('db', 'lost', { probe: 7 }))).toMatchObject({ kind: 'unreachable' })
  })

  test('of the same probe says nothing new about a suspected host', () => {
    const host = suspected('lost')
    expect(describeHost(host, failed('db', 'down', { probe: 6, generation: 0 }))).toBe(host)
  })

  test('keeps what the host said last, also over several', () => {
    const away = describeHost(master, failed('db', 'down', { probe: 6 }))
    const still = describeHost(away, failed('db', 'not-ready', { probe: 7 }))
    expect(away).toMatchObject({ kind: 'unreachable', lastAnswer: master.answer, cause: { message: 'db down' } })
    expect(still).toMatchObject({ kind: 'not-ready', lastAnswer: master.answer, cause: { message: 'db not-ready' } })
  })

  test('of a host that never answered has no last answer', () => {
    expect(describeHost(unknown, failed('db', 'down'))).toMatchObject({ lastAnswer: undefined })
  })
})

describe('law 12: one missed deadline makes a host suspect, a second sign unreachable', () => {
  test.each<[string, HostDescription, string]>([
    ['an answering host', replica, 'suspect replica'],
    ['one that missed a deadline before', suspected('silent'), 'unreachable'],
    ['one whose connection was lost before', suspected('lost'), 'unreachable'],
    ['one that refused a pooled connection', describeHost(replica, pooled('down')), 'unreachable'],
    ['one whose role is doubted', describeHost(master, pooled('role-doubted')), 'suspect master'],
    ['one that said it is not ready', describeHost(replica, pooled('not-ready')), 'suspect replica'],
    ['one that never answered', unknown, 'unreachable'],
  ])('%s is %s after one more', (_what, before, kind) => {
    expect(kindOf(describeHost(before, failed('db', 'silent', { probe: 7 })))).toBe(kind)
  })

  test('silence on a pooled connection is never the second sign', () => {
    const silent = failed('db', 'silent', { probe: 7, generation: 0 })
    expect(kindOf(describeHost(suspected('silent'), silent))).toBe('suspect replica')
  })

  function pooled(fault: HostFault): ReturnType<typeof failed> {
    return failed('db', fault, { probe: 6, generation: 0 })
  }
})

test('what is described of one host does not touch the snapshot it came from', () => {
  const topology = after(nothingKnown('db'), [answered('db')])
  const before = hostOf(topology, 'db')
  describeHost(before, failed('db', 'down', { probe: 2 }))
  expect(hostOf(topology, 'db')).toBe(before)
  expect(Object.isFrozen(before)).toBe(true)
})
