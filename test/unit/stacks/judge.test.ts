import { describe, expect, test } from 'vitest'
import { judge, parseForks } from '../../stacks/frame/judge.ts'
import type { FinalLeader } from '../../stacks/frame/judge.ts'
import type { Write } from '../../stacks/frame/application.ts'

const OLD = 5001
const NEW = 5002

/** Acknowledged by the old leader on timeline 1, at a position. */
function write(id: number, lsn: number, part: Partial<Write> = {}): Write {
  return {
    ...{ id, writer: 1, retry: false, transactional: false, startedAtMs: id * 10, endedAtMs: id * 10 + 5, lsn },
    ...{ sendings: [{ host: 'old', atMs: id * 10, highestTimeline: 0 }], outcome: 'acknowledged', error: undefined },
    ...{ executor: { server: OLD, timeline: 1 }, ...part },
  }
}

const holds = (...ids: readonly number[]): FinalLeader => ({
  ...{ port: NEW, timeline: 2, forks: [{ timeline: 1, switchedAt: 1_000 }] },
  rows: ids.map((id) => ({ id, server: OLD, timeline: 1 })),
})

const told = (writes: readonly Write[], final: FinalLeader): readonly unknown[] => {
  const { violations, lostByPostgres } = judge(writes, final, [])
  return [violations.map(({ kind, id }) => `${kind} ${id}`), lostByPostgres]
}

describe('a timeline history file', () => {
  test('names the older timelines and where they were left', () => {
    const file = '1\t0/5000098\tno recovery target specified\n\n2\t1/A0\tno recovery target specified\n'
    expect(parseForks(file)).toEqual([
      { timeline: 1, switchedAt: 0x5000098 },
      { timeline: 2, switchedAt: 2 ** 32 + 0xa0 },
    ])
  })
})

describe('a write that is missing in the end', () => {
  test('is nobody’s loss when it is not missing', () => {
    expect(told([write(1, 900), write(2, 950)], holds(1, 2))).toEqual([[], 0])
  })

  test('was lost by PostgreSQL behind the fork', () => {
    expect(told([write(1, 900), write(2, 1_100)], holds(1))).toEqual([[], 1])
  })

  test('was lost by PostgreSQL when its timeline is no part of the history', () => {
    expect(told([write(1, 10, { executor: { server: OLD, timeline: 7 } })], holds())).toEqual([[], 1])
  })

  test('before the fork, with a later write of its server before the fork too: that is our loss', () => {
    expect(told([write(1, 800), write(2, 950)], holds(2))).toEqual([['lost 1'], 0])
  })

  test('just before the fork: its commit may lie behind it', () => {
    expect(told([write(1, 990), write(2, 1_100)], holds())).toEqual([[], 2])
  })

  test('on the leader’s own timeline: that is our loss', () => {
    expect(told([write(1, 2_000, { executor: { server: NEW, timeline: 2 } })], holds())).toEqual([['lost 1'], 0])
  })
})

test('a write that is there twice is doubled', () => {
  expect(told([write(1, 900)], holds(1, 1))).toEqual([['doubled 1'], 0])
})
