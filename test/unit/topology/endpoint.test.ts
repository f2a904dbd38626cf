import { describe, expect, test } from 'vitest'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, hostOf, nothingKnown, REPLICA } from '../../support/topology.ts'

/** What the servers behind one name say. */
const server = (name: string, given: AnswerOf = {}): AnswerOf => ({
  incarnation: `${name} life 1`,
  serverAddress: `${name}:5432`,
  ...given,
})
const [A, B, C] = [server('10.0.0.1'), server('10.0.0.2'), server('10.0.0.3')]

type Story = readonly (AnswerOf | 'lost')[]

/** Answers of fresh connections to one host, 30 s apart. */
function story(...answers: Story): HostObservation[] {
  return answers.map((said, index) => {
    const place = { atMs: 30_000 * index, probe: index + 1 }
    return said === 'lost' ? failed('a', 'lost', place) : { ...answered('a', said, place), isFirst: true }
  })
}

const hostAfter = (...answers: Story): ReturnType<typeof hostOf> =>
  hostOf(after(nothingKnown('a'), story(...answers)), 'a')

test('a server that was restarted is one server, and two that take turns at one address are two', () => {
  const restarted = { ...A, incarnation: '10.0.0.1 life 2' }
  const asReplica = (given: AnswerOf): AnswerOf => ({ ...given, ...REPLICA })
  expect(hostAfter(asReplica(A), asReplica(restarted)).servers).toBe(1)
  expect(hostAfter(asReplica(A), asReplica(restarted), asReplica(A), asReplica(restarted)).servers).toBe(2)
  expect(hostAfter(asReplica(A), asReplica(B)).servers).toBe(2)
})

describe('the generation of connections behind an endpoint', () => {
  test.each<[string, Story, number]>([
    [
      'replicas of one cluster take turns',
      [
        { ...A, ...REPLICA },
        { ...B, ...REPLICA },
        { ...A, ...REPLICA },
      ],
      0,
    ],
    ['it leads to a master instead of a replica', [{ ...A, ...REPLICA }, B], 1],
    ['it leads to a replica instead of a master', [A, { ...B, ...REPLICA }], 1],
    ['it leads to another master', [A, { ...B, timeline: 2 }], 1],
    [
      'it leads to a replica of another cluster',
      [
        { ...A, ...REPLICA },
        { ...B, ...REPLICA, systemId: '8000' },
      ],
      1,
    ],
    [
      'it leads to another replica, since the one before was lost',
      [{ ...A, ...REPLICA }, 'lost', { ...B, ...REPLICA }],
      1,
    ],
    [
      'the server at the same address began another life',
      [
        { ...A, ...REPLICA },
        { ...A, ...REPLICA, incarnation: 'life 2' },
      ],
      1,
    ],
    [
      'servers that call themselves by one address take turns',
      [
        { ...A, ...REPLICA, serverAddress: '127.0.0.1:5432' },
        { ...B, ...REPLICA, serverAddress: '127.0.0.1:5432' },
        { ...A, ...REPLICA, serverAddress: '127.0.0.1:5432' },
        { ...B, ...REPLICA, serverAddress: '127.0.0.1:5432' },
      ],
      1,
    ],
    [
      'the server is promoted',
      [
        { ...A, ...REPLICA },
        { ...A, timeline: 2 },
      ],
      0,
    ],
    [
      'one of several servers is promoted',
      [
        { ...A, ...REPLICA },
        { ...B, ...REPLICA },
        { ...B, timeline: 2 },
      ],
      1,
    ],
    ['nobody can tell whether the master is the replica of before', [hidden(REPLICA), hidden({})], 1],
  ])('when %s', (_what, answers, generation) => {
    expect(hostAfter(...answers).generation).toBe(generation)
  })

  test('masters that take turns are balanced where there may be several', () => {
    const topology = after(nothingKnown('a'), story(A, B, A), { multiMaster: true })
    expect(hostOf(topology, 'a')).toMatchObject({ kind: 'master', generation: 0, servers: 2 })
  })
})

describe('the servers behind an endpoint', () => {
  test('are counted for ten minutes', () => {
    const replicas = [A, B, C].map((each) => ({ ...each, ...REPLICA }))
    expect(hostAfter().servers).toBe(0)
    expect(hostAfter(...replicas).servers).toBe(3)
    const later = { ...answered('a', { ...C, ...REPLICA }, { atMs: 630_000, probe: 9 }), isFirst: true }
    expect(hostOf(after(nothingKnown('a'), [...story(...replicas), later]), 'a').servers).toBe(1)
  })

  test('are at most sixteen', () => {
    const many = Array.from({ length: 19 }, (_, index) => ({ ...server(`10.0.1.${index}`), ...REPLICA }))
    expect(hostAfter(...many).servers).toBe(16)
  })

  test('count once after a restart, and not any more when they are lost', () => {
    expect(hostAfter(A, 'lost', { ...A, incarnation: 'life 2' }).servers).toBe(1)
    expect(hostAfter({ ...A, ...REPLICA }, 'lost', { ...B, ...REPLICA }).servers).toBe(1)
  })

  test.each<[string, Story, boolean]>([
    ['leads back to a replica from a master', [{ ...A, ...REPLICA }, B, { ...A, ...REPLICA }], true],
    ['leads back to a master from a replica', [A, { ...B, ...REPLICA }, A], true],
    ['leads to a new master', [{ ...A, ...REPLICA }, B, B], false],
    ['leads back to a server that has been promoted since', [{ ...A, ...REPLICA }, B, { ...A, timeline: 2 }], false],
    [
      'spreads its connections over replicas',
      [
        { ...A, ...REPLICA },
        { ...B, ...REPLICA },
        { ...A, ...REPLICA },
      ],
      false,
    ],
  ])('have different roles when the endpoint %s', (_what, answers, isMixed) => {
    expect(hostAfter(...answers).endpoint.mixedAtMs !== undefined).toBe(isMixed)
  })

  test('are known while the host is away', () => {
    const away = after(nothingKnown('a'), [
      ...story({ ...A, ...REPLICA }, { ...B, ...REPLICA }),
      failed('a', 'down', { probe: 9 }),
    ])
    expect(hostOf(away, 'a')).toMatchObject({ kind: 'unreachable', servers: 2 })
  })
})

/** Of a server that does not let us read its control file. */
function hidden(given: AnswerOf): AnswerOf {
  return { systemId: undefined, incarnation: undefined, serverAddress: undefined, lsn: undefined, ...given }
}
