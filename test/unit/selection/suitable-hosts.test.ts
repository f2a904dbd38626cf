import { describe, expect, test } from 'vitest'
import type { Preference } from '../../../src/selection/suitable-hosts.ts'
import { listFor, suitableHosts } from '../../../src/selection/suitable-hosts.ts'
import type { Target } from '../../../src/selection/target.ts'
import { describeTarget, MASTER } from '../../../src/selection/target.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { fiveSigma, frequencies, seededRandom } from '../../support/seeded-random.ts'
import { after, answered, failed, nothingKnown, REPLICA } from '../../support/topology.ts'

const PLAIN: Preference = { weightOf: () => 1, isNear: () => true }

/** A master m, and replicas a, b, c; those named are suspected. */
function cluster(...suspected: string[]): Topology {
  const names = ['m', 'a', 'b', 'c'] as const
  const seen = names.map((name) => answered(name, name === 'm' ? {} : REPLICA))
  return after(nothingKnown(...names), [...seen, ...suspected.map((name) => failed(name, 'silent', { probe: 2 }))])
}

function replicasOf(topology: Topology, preference: Partial<Preference> = {}): string {
  return suitableHosts(topology, { ...PLAIN, ...preference })
    .replicas.map(({ hostId }) => hostId.slice(0, 1))
    .join('')
}

const among = (names: string) => (host: { readonly hostId: string }) => names.includes(host.hostId.slice(0, 1))
const weigh = (names: string) => (host: { readonly hostId: string }) => (among(names)(host) ? 1 : 0)

describe('law 7: role is a hard filter', () => {
  test('each role has its list, and no host is in both', () => {
    const { masters, replicas } = suitableHosts(cluster(), PLAIN)
    expect(masters.map(({ hostId }) => hostId)).toEqual(['m:5432'])
    expect(replicas.map(({ kind }) => kind)).toEqual(['replica', 'replica', 'replica'])
  })

  test('a fenced host is on none', () => {
    const fenced = after(cluster(), [
      answered('a', {}, { probe: 2 }),
      answered('b', { ...REPLICA, systemId: '9' }, { probe: 2 }),
    ])
    const { masters, replicas } = suitableHosts(fenced, PLAIN)
    expect([...masters, ...replicas].map(({ hostId }) => hostId)).toEqual(['m:5432', 'c:5432'])
  })

  test('a suspected master takes no writes, not even for want of another', () => {
    expect(suitableHosts(cluster('m'), PLAIN).masters).toEqual([])
  })
})

describe('law 7: suspicion, weight and zone narrow a list, and never empty it', () => {
  test.each<[string, Topology, Partial<Preference>, string]>([
    ['suspected hosts come last', cluster('a'), {}, 'bc'],
    ['suspected hosts are a choice when there is no other', cluster('a', 'b', 'c'), {}, 'abc'],
    ['hosts that are behind come last', cluster(), { isFresh: among('bc') }, 'bc'],
    ['hosts that are behind are a choice when there is no other', cluster(), { isFresh: among('') }, 'abc'],
    ['a trusted host that is behind comes before a suspected one', cluster('a', 'b'), { isFresh: among('a') }, 'c'],
    [
      'a host of weight 0 comes before one that is behind',
      cluster(),
      { isFresh: among('a'), weightOf: weigh('b') },
      'a',
    ],
    ['weight 0 comes last', cluster(), { weightOf: weigh('bc') }, 'bc'],
    ['weight 0 is a choice when there is no other', cluster(), { weightOf: weigh('') }, 'abc'],
    ['the near hosts come first', cluster(), { isNear: among('c') }, 'c'],
    ['the far hosts are a choice when none is near', cluster(), { isNear: among('') }, 'abc'],
    ['a trusted host of weight 0 comes before a suspected one', cluster('a', 'b'), { weightOf: weigh('ab') }, 'c'],
    ['a trusted far host comes before a suspected near one', cluster('a'), { isNear: among('a') }, 'bc'],
    [
      'a far host with weight comes before a near one without',
      cluster(),
      { weightOf: weigh('a'), isNear: among('b') },
      'a',
    ],
    ['among several that are wanted the near one wins', cluster(), { weightOf: weigh('ab'), isNear: among('b') }, 'b'],
  ])('%s', (_what, topology, preference, wanted) => {
    expect(replicasOf(topology, preference)).toBe(wanted)
  })
})

describe('the list that serves a target', () => {
  const lists = { masters: ['m'], replicas: ['a', 'b'], any: ['m', 'a', 'b'] }
  const replica: Target = { role: 'replica', fallbackMaster: false, masterShare: 0 }
  const never = (): number => expect.fail('no dice are needed')

  test.each<[string, Target, typeof lists, string]>([
    ['a write: the masters', MASTER, lists, 'm'],
    ['anything: all', { ...MASTER, role: 'any' }, lists, 'mab'],
    ['a read: the replicas', replica, lists, 'ab'],
    ['a read with fallback: the replicas', { ...replica, fallbackMaster: true }, lists, 'ab'],
    ['a read without replicas: nobody', replica, { ...lists, replicas: [] }, ''],
    [
      'a read with fallback without replicas: the master',
      { ...replica, fallbackMaster: true },
      { ...lists, replicas: [] },
      'm',
    ],
    ['a write without a master: nobody', MASTER, { ...lists, masters: [] }, ''],
    [
      'a share for a master that is away: the replicas',
      { ...replica, masterShare: 1 },
      { ...lists, masters: [] },
      'ab',
    ],
  ])('%s', (_what, target, given, wanted) => {
    expect(listFor(target, given, never).join('')).toBe(wanted)
  })

  test.each([0.1, 0.25, 0.5, 0.9])('a share of %s for the master is that share of the reads', (masterShare) => {
    const random = seededRandom(42)
    const times = 100_000
    const shares = frequencies(times, () => listFor({ ...replica, masterShare }, lists, random).join(''))
    expect(shares.get('m')).toBeCloseTo(masterShare, 2)
    expect(Math.abs((shares.get('m') ?? 0) - masterShare)).toBeLessThan(fiveSigma(masterShare, times))
  })

  test('a share of 1 is every read, a share of 0 none, at both ends of the dice', () => {
    for (const dice of [0, 1 - Number.EPSILON]) {
      expect(listFor({ ...replica, masterShare: 1 }, lists, () => dice)).toEqual(['m'])
      expect(listFor({ ...replica, masterShare: 0 }, lists, () => dice)).toEqual(['a', 'b'])
    }
    expect(listFor({ ...replica, masterShare: 0.5 }, lists, () => 0.5)).toEqual(['a', 'b'])
  })
})

test('a target in words', () => {
  const read: Target = { role: 'replica', fallbackMaster: false, masterShare: 0 }
  const freshness = { maxLagMs: undefined, maxLagBytes: 1, after: undefined }
  const targets: Target[] = [MASTER, read, { ...read, fallbackMaster: true }, { ...MASTER, role: 'any' }]
  expect(describeTarget({ ...read, freshness })).toBe('replica that is fresh enough')
  expect(targets.map(describeTarget)).toEqual(['master', 'replica', 'replica or master', 'host'])
})
