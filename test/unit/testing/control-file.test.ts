import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseLsn, readTimelineHistory, timelineAt } from '../../../src/testing/control-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'hasql-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a place in the history belongs to the timeline that wrote up to it', () => {
  mkdirSync(join(folder, 'pg_wal'))
  expect(readTimelineHistory(folder)).toEqual({ timeline: 1, forks: new Map() })
  expect(timelineAt(parseLsn('0/9000000'), readTimelineHistory(folder))).toBe(1)
  const lines = ['1\t0/3000148\tno recovery target specified', '', '2\t0/4000060\tno recovery target specified', '']
  writeFileSync(join(folder, 'pg_wal', '00000003.history'), lines.join('\n'))
  writeFileSync(join(folder, 'pg_wal', '00000002.history'), lines.slice(0, 2).join('\n'))
  const history = readTimelineHistory(folder)
  expect(history.timeline).toBe(3)
  // A replica that has heard of timeline 3 ends where timeline 2 did until the first record of 3 arrives.
  const places = ['0/3000000', '0/3000148', '0/3000149', '0/4000060', '0/4000061']
  expect(places.map((lsn) => timelineAt(parseLsn(lsn), history))).toEqual([1, 1, 2, 2, 3])
})
