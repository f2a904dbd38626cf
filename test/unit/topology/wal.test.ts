import { describe, expect, test } from 'vitest'
import type { AnsweringHost, Lag } from '../../../src/topology/host-description.ts'
import { isAnswering } from '../../../src/topology/host-description.ts'
import { upToDateAsOfMs } from '../../../src/topology/lag.ts'
import { descendsFrom, hasReplayed } from '../../../src/topology/lineage.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { SAMPLES_KEPT } from '../../../src/topology/wal.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, hostOf, nothingKnown, REPLICA } from '../../support/topology.ts'

/** Answers in the order given: the host, the moment, the position, and what else it says. Each is a probe of its own. */
type Line = readonly [host: string, atMs: number, lsn: number, given?: AnswerOf]

let probes = 0

function seen([host, atMs, lsn, given]: Line): HostObservation {
  const isMaster = host.startsWith('m')
  return answered(host, { ...(isMaster ? {} : REPLICA), lsn: BigInt(lsn), ...given }, { atMs, probe: (probes += 1) })
}

function story(lines: readonly Line[], before: Topology = nothingKnown('m', 'a', 'b')): Topology {
  return after(before, lines.map(seen))
}

function hostIn(topology: Topology, name: string): AnsweringHost {
  const host = hostOf(topology, name)
  if (!isAnswering(host)) throw new Error(`${name} does not answer`)
  return host
}

const lag = (topology: Topology, name = 'a'): Lag | undefined => hostIn(topology, name).lag
const asOf = (topology: Topology, name = 'a'): number | undefined =>
  upToDateAsOfMs(hostIn(topology, name), topology.wal)
const token = (lsn: number, timeline = 1): { systemId: string; timeline: number; lsn: bigint } => ({
  systemId: '7000',
  timeline,
  lsn: BigInt(lsn),
})
const has = (topology: Topology, name: string, lsn: number, timeline = 1): boolean =>
  hasReplayed(topology.wal.lineage, hostIn(topology, name), token(lsn, timeline))

describe('the lag of a replica', () => {
  test.each<[string, readonly Line[], Lag | undefined]>([
    [
      'is none when it has all that the master was seen to have',
      [
        ['m', 10, 100],
        ['a', 20, 100],
      ],
      { bytes: 0, ms: 0 },
    ],
    [
      'is none when it has more',
      [
        ['m', 10, 100],
        ['a', 20, 150],
      ],
      { bytes: 0, ms: 0 },
    ],
    [
      'is none on an idle master, however long',
      [
        ['m', 10, 100],
        ['a', 20, 100],
        ['m', 60_010, 100],
        ['a', 60_020, 100],
      ],
      { bytes: 0, ms: 0 },
    ],
    [
      'counts from the last moment at which the master had no more: when that was asked',
      [
        ['m', 10, 100],
        ['m', 1_010, 200],
        ['m', 2_010, 300],
        ['a', 2_030, 250],
      ],
      { bytes: 50, ms: 1_021 },
    ],
    [
      'grows when replay stands still',
      [
        ['m', 10, 100],
        ['a', 20, 100],
        ['m', 1_010, 200],
        ['a', 1_020, 100],
        ['m', 9_010, 900],
        ['a', 9_020, 100],
      ],
      { bytes: 800, ms: 9_011 },
    ],
    ['is not known before the master was seen', [['a', 20, 100]], undefined],
    [
      'is not known while the replica has less than any master was seen to have',
      [
        ['m', 10, 100],
        ['a', 20, 90],
      ],
      undefined,
    ],
    [
      'is not known without the right to see positions',
      [
        ['m', 10, 100],
        ['a', 20, 0, { lsn: undefined }],
      ],
      undefined,
    ],
    [
      'is not known without the right to see timelines',
      [
        ['m', 10, 100],
        ['a', 20, 100, { reachedTimeline: undefined }],
      ],
      undefined,
    ],
    [
      'is known with the master’s first answer',
      [
        ['a', 20, 100],
        ['m', 30, 100],
      ],
      { bytes: 0, ms: 0 },
    ],
    [
      'has no bytes while it is not known to be on the new timeline, and grows from the failover on',
      [
        ['m', 10, 100],
        ['a', 20, 100],
        ['mb', 500, 120, { timeline: 2 }],
        ['a', 1_020, 150],
      ],
      { bytes: undefined, ms: 1_011 },
    ],
    [
      'is counted on the new timeline once it is there',
      [
        ['m', 10, 100],
        ['mb', 500, 120, { timeline: 2 }],
        ['a', 1_020, 110, { reachedTimeline: 2 }],
      ],
      { bytes: 10, ms: 1_011 },
    ],
  ])('%s', (_what, lines, wanted) => {
    expect(lag(story(lines, nothingKnown('m', 'mb', 'a')))).toEqual(wanted)
  })

  test('a master has none, a fenced host no known one', () => {
    const topology = story(
      [
        ['m', 10, 100],
        ['mb', 20, 50, { timeline: 2 }],
      ],
      nothingKnown('m', 'mb'),
    )
    expect([lag(topology, 'mb'), hostOf(topology, 'm')]).toMatchObject([{ bytes: 0, ms: 0 }, { kind: 'stale-master' }])
    const fenced = after(topology, [answered('m', {}, { atMs: 30, probe: (probes += 1) })])
    expect(lag(fenced, 'm')).toBeUndefined()
  })

  test('with several masters nobody is behind', () => {
    const lines: Line[] = [
      ['m', 10, 100],
      ['a', 20, 50],
    ]
    const topology = after(nothingKnown('m', 'a'), lines.map(seen), { multiMaster: true })
    expect([lag(topology), topology.wal.samples]).toEqual([undefined, []])
  })

  test('stays as it was while the replica does not answer', () => {
    const topology = story([
      ['m', 10, 100],
      ['m', 1_010, 200],
      ['a', 1_020, 150],
    ])
    const silent = after(topology, [failed('a', 'silent', { atMs: 5_000, probe: (probes += 1) })])
    expect(lag(silent)).toEqual({ bytes: 50, ms: 1_011 })
  })
})

describe('the moment up to which a replica is known to have everything', () => {
  test('moves on with the master’s next answer, if that shows nothing new', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 100],
    ])
    expect(asOf(topology)).toBe(9)
    expect(asOf(story([['m', 5_010, 100]], topology))).toBe(5_009)
    expect(asOf(story([['m', 5_010, 101]], topology))).toBe(9)
  })

  test('what was lost with the old master is nothing to be behind of', () => {
    const lost: Line[] = [
      ['m', 10, 100],
      ['m', 20, 190],
      ['mb', 500, 130, { timeline: 2 }],
    ]
    const topology = story([...lost, ['a', 510, 150, { reachedTimeline: 2 }]], nothingKnown('m', 'mb', 'a'))
    expect([asOf(topology), lag(topology)]).toEqual([499, { bytes: 0, ms: 0 }])
  })

  test('is unknown to a stranger', () => {
    const topology = story([
      ['m', 10, 100],
      ['b', 15, 100],
      ['a', 20, 100, { systemId: '9' }],
    ])
    expect([hostOf(topology, 'a').kind, asOf(topology)]).toEqual(['foreign-cluster', undefined])
  })
})

describe('the history of the master', () => {
  test('is bounded, keeps its ends, and finds what is older at most a tenth too old', () => {
    const topology = story(Array.from({ length: 10_000 }, (_, index): Line => ['m', index * 1_000 + 1, index * 10]))
    const { samples } = topology.wal
    expect(samples.length).toBeLessThanOrEqual(SAMPLES_KEPT)
    expect([samples[0], samples.at(-1)]).toMatchObject([{ lsn: 0n }, { lsn: 99_990n }])
    for (const secondsAgo of [1, 10, 60, 600, 3_600]) {
      const lsn = 99_990 - secondsAgo * 10
      const lagMs = 9_999_000 - (asOf(story([['a', 9_999_001, lsn]], topology)) ?? 0)
      expect(lagMs).toBeGreaterThanOrEqual(secondsAgo * 1_000)
      expect(lagMs).toBeLessThanOrEqual(1.1 * secondsAgo * 1_000 + 2_000)
    }
  })

  test('of a master that stands still the latest moment is kept, in one place', () => {
    const topology = story([
      ['m', 1, 10],
      ['m', 1_001, 10],
      ['m', 2_001, 10],
    ])
    expect(topology.wal.samples).toEqual([{ atMs: 2_000, timeline: 1, lsn: 10n }])
  })

  test('begins anew with another cluster', () => {
    const lines: Line[] = [
      ['m', 1_001, 10],
      ['m', 2_001, 20],
      ['m', 3_001, 15, { systemId: '8' }],
    ]
    expect(story(lines, nothingKnown('m')).wal.samples).toEqual([{ atMs: 3_000, timeline: 1, lsn: 15n }])
  })

  test('of a master that has less of its timeline than before loses what that contradicts, and no more', () => {
    const lines: Line[] = [
      ['m', 1_001, 10],
      ['m', 2_001, 20],
      ['m', 3_001, 15],
    ]
    expect(story(lines, nothingKnown('m')).wal.samples).toEqual([
      { atMs: 1_000, timeline: 1, lsn: 10n },
      { atMs: 3_000, timeline: 1, lsn: 15n },
    ])
  })

  test('does not keep a topology from being logged', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 100],
      ['m', 30, 200],
    ])
    expect(JSON.parse(JSON.stringify(topology))).toMatchObject({ wal: { systemId: '7000' } })
  })

  test('an answer that tells nothing of the log leaves it the very same object', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 100],
      ['m', 30, 100],
    ])
    expect(story([['a', 40, 100]], topology).wal).toBe(topology.wal)
  })
})

describe('law 7: a replica has a write for certain', () => {
  const exact: AnswerOf = { receivedTimeline: 1 }

  test('at once where it shows the timeline that it receives', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 150, exact],
    ])
    expect([has(topology, 'a', 150), has(topology, 'a', 151)]).toEqual([true, false])
  })

  test('else when the master of that timeline was master still when it was asked afterwards', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 150],
    ])
    expect(has(topology, 'a', 150)).toBe(false)
    expect(has(story([['m', 20.5, 200]], topology), 'a', 150)).toBe(false)
    expect(has(story([['m', 21, 200]], topology), 'a', 150)).toBe(true)
    expect(has(story([['mb', 30, 200, { timeline: 2 }]], after(topology, [])), 'a', 150)).toBe(false)
  })

  test('not by a position of another timeline, another life, another cluster', () => {
    const elsewhere = story([
      ['m', 10, 100, { timeline: 2 }],
      ['a', 20, 150],
      ['m', 30, 200, { timeline: 2 }],
    ])
    expect([has(elsewhere, 'a', 150, 2), has(elsewhere, 'a', 150, 1)]).toEqual([false, false])
    const proven = story([
      ['m', 10, 100],
      ['a', 20, 150, exact],
    ])
    expect(has(story([['a', 30, 150, { incarnation: 'another' }]], proven), 'a', 150)).toBe(false)
    expect(hasReplayed(proven.wal.lineage, hostIn(proven, 'a'), token(150, 2))).toBe(false)
  })

  test('what it had it keeps, whatever else is not known yet', () => {
    const topology = story([
      ['m', 10, 100],
      ['a', 20, 150],
      ['m', 30, 200],
      ['a', 40, 180],
    ])
    expect([has(topology, 'a', 150), has(topology, 'a', 180)]).toEqual([true, false])
  })
})

describe('a write is on a newer timeline for certain', () => {
  const before: Line[] = [
    ['m', 10, 100],
    ['a', 20, 150],
    ['b', 20, 140],
  ]
  const promoted: Line = ['a', 500, 170, { inRecovery: false, timeline: 2, reachedTimeline: undefined }]

  test('when the new master had it before it was promoted', () => {
    const { lineage } = story([...before, promoted]).wal
    expect([150, 151].map((lsn) => descendsFrom(lineage, 2, token(lsn)))).toEqual([true, false])
    expect(descendsFrom(lineage, 2, token(9_999, 2))).toBe(true)
    expect([descendsFrom(lineage, 3, token(150)), descendsFrom(lineage, 1, token(150, 2))]).toEqual([false, false])
  })

  test('also when the new master did not answer in between', () => {
    const away = after(story(before), [failed('a', 'down', { atMs: 100, probe: (probes += 1) })])
    expect(descendsFrom(story([promoted], away).wal.lineage, 2, token(150))).toBe(true)
  })

  test('not when it has lived another life since, or skipped a timeline of which nothing is known', () => {
    const another = story([...before, ['a', 500, 170, { ...promoted[3], incarnation: 'another' }]])
    const skipped = story([...before, ['a', 500, 170, { ...promoted[3], timeline: 3 }]])
    expect(descendsFrom(another.wal.lineage, 2, token(100))).toBe(false)
    expect(descendsFrom(skipped.wal.lineage, 3, token(100))).toBe(false)
  })

  test('over several failovers: the least of what was known to be taken along', () => {
    const topology = story([
      ...before,
      promoted,
      ['b', 600, 160, { reachedTimeline: 2 }],
      ['b', 900, 180, { inRecovery: false, timeline: 3, reachedTimeline: undefined }],
    ])
    const { lineage } = topology.wal
    expect([150, 151].map((lsn) => descendsFrom(lineage, 3, token(lsn)))).toEqual([true, false])
    expect([160, 161].map((lsn) => descendsFrom(lineage, 3, token(lsn, 2)))).toEqual([true, false])
  })

  test('a replica that is on the new timeline has what was taken along, and it has replayed', () => {
    const there: AnswerOf = { reachedTimeline: 2, receivedTimeline: 2 }
    const topology = story([...before, promoted, ['b', 600, 145, there]])
    expect([has(topology, 'b', 145), has(topology, 'b', 150), has(topology, 'b', 145, 2)]).toEqual([true, false, true])
    const further = story([['b', 700, 180, there]], topology)
    expect([has(further, 'b', 150), has(further, 'b', 151), has(further, 'b', 180, 2)]).toEqual([true, false, true])
  })

  test('when two were promoted to one timeline, only what both had', () => {
    const next: AnswerOf = { inRecovery: false, timeline: 2, reachedTimeline: undefined }
    const split = story([...before, promoted, ['b', 510, 145, next]])
    expect(hostOf(split, 'b').kind).toBe('rival-master')
    expect(descendsFrom(split.wal.lineage, 2, token(150))).toBe(true)
    const away = after(split, [failed('a', 'down', { atMs: 600, probe: (probes += 1) })])
    const second = story([['b', 700, 190, next]], away)
    expect(hostOf(second, 'b').kind).toBe('master')
    expect([0, 1, 140].map((lsn) => descendsFrom(second.wal.lineage, 2, token(lsn)))).toEqual([true, false, false])
    expect(story([['b', 800, 195, next]], second).wal.lineage).toBe(second.wal.lineage)
  })

  test('so many timelines are remembered and no more', () => {
    let topology = nothingKnown('m', 'a')
    for (let timeline = 1; timeline < 40; timeline += 1) {
      const incarnation = `life ${timeline}`
      const given = { incarnation, reachedTimeline: timeline }
      topology = story([['a', timeline * 100, timeline, given]], topology)
      const next = { incarnation, inRecovery: false, timeline: timeline + 1, reachedTimeline: undefined }
      topology = story([['a', timeline * 100 + 50, timeline, next]], topology)
    }
    expect(topology.wal.lineage.forks.size).toBe(16)
    expect(topology.wal.lineage.proofs.size).toBeLessThanOrEqual(2)
  })
})
