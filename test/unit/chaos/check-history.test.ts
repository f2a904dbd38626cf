import { describe, expect, test } from 'vitest'
import { checkHistory } from '../../chaos/history/check-history.ts'
import type { History, WriteRecord, WrittenRow } from '../../chaos/history/write-record.ts'

const OLD = 5001
const NEW = 5002
const sending = (host: string, atMs: number, highestTimeline = 1) => ({ host, atMs, highestTimeline })

function write(id: number, part: Partial<WriteRecord> = {}): WriteRecord {
  const executor = { server: OLD, timeline: 1 }
  return {
    ...{ id, writer: 1, retry: false, startedAtMs: 10, sendings: [sending('old', 11)], endedAtMs: 12 },
    ...{ outcome: 'acknowledged', executor, error: undefined, ...part },
  }
}

const row = (id: number, server = OLD, timeline = 1): WrittenRow => ({ id, server, timeline })

const failed = (id: number, outcome: 'unknown' | 'not-executed', part: Partial<WriteRecord> = {}): WriteRecord =>
  write(id, { outcome, executor: undefined, error: new Error('gone'), ...part })

function history(part: Partial<History>): History {
  return { writes: [], final: { server: NEW, rows: [] }, leftBehind: [], fences: [], ...part }
}

const kinds = (part: Partial<History>): string[] => checkHistory(history(part)).violations.map(({ kind }) => kind)

describe('a history that is in order', () => {
  test('acknowledged writes are on the final timeline; unknown ones may be there or not', () => {
    const verdict = checkHistory(
      history({
        writes: [write(1), write(2), failed(3, 'unknown'), failed(4, 'unknown'), failed(5, 'not-executed')],
        final: { server: NEW, rows: [row(1), row(2), row(3)] },
        leftBehind: [{ server: OLD, rows: [row(1), row(2), row(3)] }],
      }),
    )
    expect(verdict).toEqual({ violations: [], acknowledged: 2, unknown: 2, notExecuted: 1, lostByPostgres: 0 })
  })

  test.each([
    ['still holds the write', [row(1)]],
    ['has lost its data', undefined],
  ])('PostgreSQL lost a write when the server left behind %s', (_how, rows) => {
    const verdict = checkHistory(history({ writes: [write(1)], leftBehind: [{ server: OLD, rows }] }))
    expect(verdict).toMatchObject({ violations: [], lostByPostgres: 1 })
  })

  test('a retried write that was executed once', () => {
    const executor = { server: NEW, timeline: 2 }
    const retried = write(1, { sendings: [sending('old', 5), sending('new', 30, 2)], executor })
    const fences = [{ host: 'old', fromMs: 6, untilMs: Infinity }]
    expect(kinds({ writes: [retried], final: { server: NEW, rows: [row(1, NEW, 2)] }, fences })).toEqual([])
  })

  test('sent before the fence, and after it', () => {
    const writes = [write(1, { sendings: [sending('old', 20)] }), write(2, { sendings: [sending('old', 40)] })]
    const fences = [{ host: 'old', fromMs: 20, untilMs: 40 }]
    expect(kinds({ writes, final: { server: OLD, rows: [row(1), row(2)] }, fences })).toEqual([])
  })
})

describe('violations', () => {
  test('an acknowledged write is nowhere', () => {
    expect(kinds({ writes: [write(1)] })).toEqual(['lost'])
  })

  test('an acknowledged write is missing on the final timeline and on the server left behind', () => {
    expect(kinds({ writes: [write(1)], leftBehind: [{ server: OLD, rows: [] }] })).toEqual(['lost'])
  })

  test('an acknowledged write is only on a server that did not acknowledge it', () => {
    const leftBehind = [{ server: 5003, rows: [row(1, 5003)] }]
    expect(kinds({ writes: [write(1)], leftBehind })).toEqual(['lost'])
  })

  test('a row is there twice', () => {
    expect(kinds({ writes: [write(1)], final: { server: OLD, rows: [row(1), row(1)] } })).toEqual(['doubled'])
  })

  test('two servers each executed the write', () => {
    const leftBehind = [{ server: OLD, rows: [row(1)] }]
    expect(kinds({ writes: [write(1)], final: { server: NEW, rows: [row(1, NEW, 2)] }, leftBehind })).toEqual([
      'doubled',
    ])
  })

  test('one server executed it on two timelines', () => {
    const leftBehind = [{ server: OLD, rows: [row(1, OLD, 1)] }]
    expect(kinds({ writes: [write(1)], final: { server: OLD, rows: [row(1, OLD, 3)] }, leftBehind })).toEqual([
      'doubled',
    ])
  })

  test.each([
    ['the final master', { final: { server: NEW, rows: [row(1)] } }],
    ['the server left behind', { leftBehind: [{ server: OLD, rows: [row(1)] }] }],
  ])('what was said not to be executed is on %s', (_where, part) => {
    expect(kinds({ writes: [failed(1, 'not-executed')], ...part })).toEqual(['executed-after-all'])
  })

  test('any sending of a write to a fenced host, acknowledged or not', () => {
    const fences = [{ host: 'old', fromMs: 10, untilMs: Infinity }]
    const retried = failed(2, 'unknown', { sendings: [sending('old', 12), sending('new', 13)] })
    expect(kinds({ writes: [failed(1, 'unknown'), retried], fences })).toEqual(['sent-to-fenced', 'sent-to-fenced'])
  })

  test('acknowledged on a timeline that was known to be left behind', () => {
    const stale = write(1, { sendings: [sending('old', 11, 2)] })
    expect(kinds({ writes: [stale], final: { server: OLD, rows: [row(1)] } })).toEqual(['stale-timeline'])
  })

  test('a row that nobody sent', () => {
    expect(kinds({ final: { server: NEW, rows: [row(7)] } })).toEqual(['stranger'])
    const unsent = failed(7, 'unknown', { sendings: [] })
    expect(kinds({ writes: [unsent], final: { server: NEW, rows: [row(7)] } })).toEqual(['stranger'])
  })
})
