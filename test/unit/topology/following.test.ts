import { describe, expect, test } from 'vitest'
import type { AnsweringHost, Following } from '../../../src/topology/host-description.ts'
import { detachmentOf, isAnswering } from '../../../src/topology/host-description.ts'
import { descendsFrom, hasReplayed, isAbandoned } from '../../../src/topology/lineage.ts'
import type { HostObservation } from '../../../src/topology/observation.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import { recordWal } from '../../../src/topology/wal.ts'
import { unreachable } from '../../../src/selection/freshness.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, hostOf, idOf, nothingKnown, REPLICA } from '../../support/topology.ts'

/** Answers in the order given: the host, the moment, the position, and what else it says. Each is a probe of its own. */
type Line = readonly [host: string, atMs: number, lsn: number, given?: AnswerOf]

const ROUND_TRIP_MS = 1
let probes = 0

function seen([host, atMs, lsn, given]: Line): HostObservation {
  const role = host.startsWith('m') ? { timeline: 34 } : { ...REPLICA, reachedTimeline: 34, receiver: 4711 }
  const place = { atMs, probe: (probes += 1), roundTripMs: ROUND_TRIP_MS }
  return answered(host, { ...role, lsn: BigInt(lsn), ...given }, place)
}

function story(lines: readonly Line[], before: Topology = nothingKnown('m', 'a', 'b')): Topology {
  return after(before, lines.map(seen))
}

const reasonOf = (topology: Topology, name = 'a'): string | undefined => detachmentOf(hostOf(topology, name))?.reason

function hostIn(topology: Topology, name: string): AnsweringHost {
  const host = hostOf(topology, name)
  if (!isAnswering(host)) throw new Error(`${name} does not answer`)
  return host
}

function followingOf(topology: Topology, name = 'a'): Following {
  const { following } = hostIn(topology, name)
  if (following === undefined) throw new Error(`nothing is known of the following of ${name}`)
  return following
}

/** A question of every second to the master, which writes, and to a replica that says this. */
function seconds(count: number, given: (second: number) => readonly [lsn: number, given?: AnswerOf], from = 0): Line[] {
  return Array.from({ length: count }, (_, index): Line[] => {
    const second = from + index
    return [
      ['a', second * 1_000 + 500, ...given(second)],
      ['m', second * 1_000 + 1_000, 1_000 + second],
    ]
  }).flat()
}

const ORPHAN: AnswerOf = { reachedTimeline: 35, receiver: 'none' }
/** Its control file does not show the timeline yet. */
const HIDDEN: AnswerOf = { receiver: 'none' }

describe('law 18: a replica above the master’s timeline', () => {
  test('has diverged when the master says so to a question that was sent after its answer', () => {
    const early = story([
      ['m', 10, 100],
      ['a', 20, 90, ORPHAN],
      ['m', 20.5, 100],
    ])
    expect(reasonOf(early)).toBe('no-receiver')
    const late = story([['m', 21, 100]], early)
    expect(detachmentOf(hostOf(late, 'a'))).toEqual({
      reason: 'timeline',
      sinceMs: 20,
      timeline: 35,
      masterTimeline: 34,
    })
    expect(hostIn(late, 'a').lag).toBeUndefined()
  })

  test('is of unknown lag at once without a receiver that stays, and not with one', () => {
    const lines: Line[] = [['m', 10, 100]]
    expect(hostIn(story([...lines, ['a', 20, 100, ORPHAN]]), 'a').lag).toBeUndefined()
    const retrying = (receiver: number): AnswerOf => ({ ...ORPHAN, receiver })
    expect(reasonOf(story([...lines, ['a', 20, 100, retrying(1)], ['a', 5_020, 100, retrying(2)]]))).toBe('no-receiver')
    const steady = story([...lines, ['a', 20, 100, retrying(1)], ['a', 1_020, 100, retrying(1)]])
    expect([reasonOf(steady), hostIn(steady, 'a').lag]).toEqual([undefined, { bytes: undefined, ms: 1_011 }])
  })

  test('stays so whatever the order of the checks, and shows the timeline once and not again', () => {
    let topology = story([
      ['m', 10, 100],
      ['a', 20, 90, ORPHAN],
      ['m', 30, 100],
    ])
    for (const line of [
      ['a', 40, 90, ORPHAN],
      ['a', 50, 90, HIDDEN],
      ['m', 1_000, 5_000],
      ['a', 1_050, 90, { ...HIDDEN, receiver: 9 }],
    ] satisfies Line[]) {
      topology = story([line], topology)
      expect(reasonOf(topology)).toBe('timeline')
    }
  })

  test('is not judged by a master in doubt, nor without one', () => {
    const before = story([['m', 10, 100]])
    const doubted = after(before, [failed('m', 'silent', { atMs: 20, probe: (probes += 1) })])
    expect(reasonOf(story([['a', 30, 100, ORPHAN]], doubted))).toBeUndefined()
    const gone = after(before, [failed('m', 'down', { atMs: 20, probe: (probes += 1) })])
    const followed = story([['a', 30, 100, ORPHAN]], gone)
    expect([reasonOf(followed), hostIn(followed, 'a').lag]).toEqual([undefined, { bytes: undefined, ms: 21 }])
  })

  test('of a master that was not seen yet follows it: a stale one was the wrong measure', () => {
    const wrong = story(
      [
        ['m', 10, 100],
        ['a', 20, 110, { reachedTimeline: 35 }],
        ['m', 30, 105],
      ],
      nothingKnown('m', 'm2', 'a'),
    )
    expect(reasonOf(wrong)).toBe('timeline')
    const right = story([['m2', 40, 120, { timeline: 35 }]], wrong)
    expect(hostOf(right, 'm').kind).toBe('stale-master')
    const again = story(
      [
        ['a', 1_040, 125, { reachedTimeline: 35 }],
        ['m2', 1_050, 130, { timeline: 35 }],
      ],
      right,
    )
    expect([reasonOf(again), hostIn(again, 'a').lag]).toEqual([undefined, { bytes: 5, ms: 1_001 }])
  })

  test('is not cured by another promotion to a timeline of that number', () => {
    const orphaned = story([
      ['m', 10, 100],
      ['a', 20, 90, ORPHAN],
      ['m', 30, 100],
      ['b', 40, 100],
    ])
    const promoted = story(
      [
        ['b', 5_000, 110, { inRecovery: false, timeline: 35, reachedTimeline: undefined, receiver: undefined }],
        ['a', 5_010, 90, ORPHAN],
        ['b', 5_020, 120, { inRecovery: false, timeline: 35, reachedTimeline: undefined, receiver: undefined }],
        ['a', 6_010, 90, { ...ORPHAN, receiver: 7 }],
        ['a', 7_010, 90, { ...ORPHAN, receiver: 8 }],
      ],
      orphaned,
    )
    expect([hostOf(promoted, 'b').kind, reasonOf(promoted)]).toEqual(['master', 'timeline'])
  })

  test('serves again with the first answer of another life, on the master’s timeline', () => {
    const orphaned = story([
      ['m', 10, 100],
      ['a', 20, 90, ORPHAN],
      ['m', 30, 100],
    ])
    const away = after(orphaned, [failed('a', 'down', { atMs: 40, probe: (probes += 1) })])
    expect(reasonOf(away)).toBe('timeline')
    expect(reasonOf(story([['a', 50, 90, HIDDEN]], away))).toBe('timeline')
    const rewound = story([['a', 60, 100, { incarnation: 'a life 2' }]], away)
    expect([reasonOf(rewound), hostIn(rewound, 'a').lag]).toEqual([undefined, { bytes: 0, ms: 0 }])
  })
})

describe('law 18: a replica ahead of the master', () => {
  test('has diverged, by a position that the master gave to a later question', () => {
    const ahead = story([
      ['m', 10, 100],
      ['a', 20, 110, HIDDEN],
    ])
    expect([reasonOf(ahead), hostIn(ahead, 'a').lag]).toEqual([undefined, { bytes: 0, ms: 0 }])
    expect(reasonOf(story([['m', 20.9, 105]], ahead))).toBeUndefined()
    expect(reasonOf(story([['m', 21, 110]], ahead))).toBeUndefined()
    const diverged = story([['m', 21, 109]], ahead)
    expect([reasonOf(diverged), hostIn(diverged, 'a').lag]).toEqual(['position', undefined])
    expect(
      reasonOf(
        story(
          [
            ['m', 60_000, 900],
            ['a', 60_100, 110, HIDDEN],
          ],
          diverged,
        ),
      ),
    ).toBe('position')
  })

  test('as after a crash of the master that lost what it had not flushed', () => {
    const crashed = story([
      ['m', 10, 200],
      ['a', 20, 200],
      ['m', 500, 150, { incarnation: 'm life 2' }],
    ])
    expect(reasonOf(crashed)).toBe('position')
  })

  test('has none where positions are not shown', () => {
    const hidden = story([
      ['m', 10, 100],
      ['a', 20, 0, { lsn: undefined, reachedTimeline: undefined, receiver: undefined }],
      ['m', 30, 100],
    ])
    expect(reasonOf(hidden)).toBeUndefined()
  })
})

describe('law 18: a replica without a WAL receiver on the master’s timeline', () => {
  test('is judged by its position for 10 s without progress, and is of unknown lag then', () => {
    const lines = seconds(12, () => [999, HIDDEN])
    expect(reasonOf(story(lines.slice(0, -2)))).toBeUndefined()
    const stalled = story(lines)
    expect([reasonOf(stalled), hostIn(stalled, 'a').lag]).toEqual(['no-receiver', undefined])
  })

  test('is fresh on an idle master, however long, by its position alone', () => {
    const idle = Array.from({ length: 60 }, (_, second): Line[] => [
      ['m', second * 1_000 + 100, 100],
      ['a', second * 1_000 + 200, 100, HIDDEN],
    ]).flat()
    const topology = story(idle)
    expect([reasonOf(topology), hostIn(topology, 'a').lag]).toEqual([undefined, { bytes: 0, ms: 0 }])
  })

  test('loses it in every failover for some seconds, which is no matter', () => {
    const failover = story([
      ...seconds(3, (second) => [1_000 + second]),
      ...seconds(5, () => [1_002, HIDDEN], 3),
      ...seconds(20, (second) => [995 + second, { receiver: 4712 }], 8),
    ])
    expect(reasonOf(failover)).toBeUndefined()
  })

  test('is not helped by receivers that do not stay', () => {
    expect(reasonOf(story(seconds(12, (second) => [999, { receiver: second }])))).toBe('no-receiver')
  })

  test('follows again with a receiver that stays, or as soon as replay goes on', () => {
    const stalled = story(seconds(12, () => [999, HIDDEN]))
    const receiving = story(
      seconds(2, () => [999, { receiver: 5 }], 12),
      stalled,
    )
    expect(reasonOf(receiving)).toBeUndefined()
    expect(
      reasonOf(
        story(
          seconds(1, () => [1_000, HIDDEN], 12),
          stalled,
        ),
      ),
    ).toBeUndefined()
  })

  test('that restores from an archive goes on in jumps: it may pause for twice as long as it did before', () => {
    const jumping = story(seconds(61, (second) => [1_000 + 30 * Math.floor(second / 30) - 15, HIDDEN]))
    expect(followingOf(jumping).restorePauseMs).toBe(29_000)
    expect(
      reasonOf(
        story(
          seconds(40, () => [1_045, HIDDEN], 61),
          jumping,
        ),
      ),
    ).toBeUndefined()
    expect(
      reasonOf(
        story(
          seconds(65, () => [1_045, HIDDEN], 61),
          jumping,
        ),
      ),
    ).toBe('no-receiver')
  })

  test('has nobody to receive from while no master is known', () => {
    const gone = after(story(seconds(2, (second) => [1_000 + second])), [
      failed('m', 'down', { atMs: 2_100, probe: (probes += 1) }),
    ])
    const alone = Array.from({ length: 30 }, (_, second): Line => ['a', 2_500 + second * 1_000, 999, HIDDEN])
    expect(reasonOf(story(alone, gone))).toBeUndefined()
  })
})

test('law 18: with several masters nobody is followed', () => {
  const lines: Line[] = [
    ['m', 10, 100],
    ['a', 20, 150, ORPHAN],
    ['m', 30, 100],
  ]
  const topology = after(nothingKnown('m', 'a'), lines.map(seen), { multiMaster: true })
  expect(hostIn(topology, 'a').following).toBeUndefined()
})

describe('law 18: what was replayed elsewhere proves nothing', () => {
  const token = (lsn: number, timeline: number): { systemId: string; timeline: number; lsn: bigint } => ({
    systemId: '7000',
    timeline,
    lsn: BigInt(lsn),
  })

  test('a replica that nobody feeds is not known to have a write, whatever its position and its control file say', () => {
    // Promoted on 34 at 90, it wrote until 150; the master has gone beyond that.
    const hidden = story([
      ['m', 10, 100],
      ['a', 20, 150, HIDDEN],
      ['m', 30, 400],
    ])
    expect(reasonOf(hidden)).toBeUndefined()
    expect(hasReplayed(hidden.wal.lineage, hostIn(hidden, 'a'), token(120, 34))).toBe(false)
    const fed = story([
      ['a', 20, 150],
      ['a', 1_020, 150],
      ['m', 1_030, 400],
    ])
    expect(hasReplayed(fed.wal.lineage, hostIn(fed, 'a'), token(120, 34))).toBe(true)
  })

  test('a receiver under which replay goes on feeds it at once, an archive after a while', () => {
    const moved = story([
      ['m', 10, 100],
      ['a', 20, 100],
      ['a', 40, 110],
      ['m', 50, 120],
    ])
    expect(hasReplayed(moved.wal.lineage, hostIn(moved, 'a'), token(110, 34))).toBe(true)
    const restored = story(seconds(13, (second) => [900 + second, HIDDEN]))
    expect(hasReplayed(restored.wal.lineage, hostIn(restored, 'a'), token(911, 34))).toBe(true)
  })

  test('of a diverged replica that is promoted nothing is known: it is in no history of ours', () => {
    const exact: AnswerOf = { receivedTimeline: 34 }
    const master: AnswerOf = { inRecovery: false, timeline: 35, reachedTimeline: undefined, receiver: undefined }
    const sound = story([
      ['m', 10, 100],
      ['a', 20, 100, exact],
      ['a', 40, 100, master],
    ])
    expect(descendsFrom(sound.wal.lineage, 35, token(100, 34))).toBe(true)
    const diverged = story([
      ['m', 10, 90],
      ['a', 20, 100, exact],
      ['m', 30, 95],
      ['a', 40, 100, master],
    ])
    expect(descendsFrom(diverged.wal.lineage, 35, token(95, 34))).toBe(false)
  })

  describe('a timeline that was given up', () => {
    const seenAsMaster = { inRecovery: false, reachedTimeline: undefined, receiver: undefined }
    /** `a` was promoted to 35 by mistake at 100, wrote until 150, and is a replica again; `m` never stopped. */
    const { before, given } = (() => {
      const mistake = story([
        ['m', 10, 100],
        ['a', 20, 100, { receivedTimeline: 34 }],
        ['b', 20, 100, { receivedTimeline: 34 }],
        ['a', 40, 140, { ...seenAsMaster, timeline: 35 }],
      ])
      // The claim has ended: the master is `m` again.
      const master: AnsweringHost = { ...hostIn(mistake, 'm'), kind: 'master', seenAtMs: hostIn(mistake, 'a').seenAtMs }
      const hosts = new Map(mistake.hosts).set(idOf('m'), master)
      const wal = recordWal(mistake.wal, seen(['m', 60, 300]), hostOf(mistake, 'm'), hosts)
      return { before: mistake.wal, given: wal }
    })()

    test('takes its fork and its samples along: lag is measured by what the master has written before and since', () => {
      expect([...before.lineage.forks.keys()]).toEqual([35])
      expect([...given.lineage.forks.keys()]).toEqual([])
      expect(before.samples.map(({ timeline }) => timeline)).toEqual([34, 35])
      expect(given.samples.every(({ timeline }) => timeline === 34)).toBe(true)
    })

    test('has lost what was written on it: a token of it is refused, and of the next one of that number is good', () => {
      expect([140, 141].map((lsn) => isAbandoned(given.lineage, token(lsn, 35)))).toEqual([true, false])
      const fork = { parent: 34, lsn: 300n, hostId: idOf('b'), incarnation: 'b life 1' }
      const lineage = { ...given.lineage, forks: new Map([[35, fork]]) }
      expect([140, 300, 301].map((lsn) => descendsFrom(lineage, 35, token(lsn, 35)))).toEqual([false, false, true])
      expect([300, 301].map((lsn) => descendsFrom(lineage, 35, token(lsn, 34)))).toEqual([true, false])
    })

    test('says at once that a token of it is in vain', () => {
      const topology = { ...story([['m', 10, 100]]), wal: given }
      expect(unreachable(topology, token(130, 35))).toMatch('what was written there is lost')
      expect(unreachable(topology, token(500, 35))).toBeUndefined()
    })
  })
})
