import { describe, expect, test } from 'vitest'
import { classifyError } from '../../../src/driver/classify-error.ts'
import type { ProbeConnection, ProbeOptions } from '../../../src/driver/driver.ts'
import { ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import { askingSyncWaits, readWaitingSessions, SYNC_WAIT_QUERY } from '../../../src/monitor/sync-wait.ts'
import type { WaitingSessions } from '../../../src/monitor/sync-wait.ts'
import { parse } from '../../support/dsn/read.ts'
import { noLookup } from '../../support/no-lookup.ts'

describe('the row of the question', () => {
  test.each<[readonly (string | null)[], WaitingSessions]>([
    [['0', null], { waiting: 0, sessions: [] }],
    [['2', '71@1.5 72@1.5'], { waiting: 2, sessions: ['71@1.5', '72@1.5'] }],
    // What is not PostgreSQL's answer says nothing.
    [[], { waiting: 0, sessions: [] }],
    [['many', 'x'], { waiting: 0, sessions: [] }],
    [['1', null], { waiting: 1, sessions: [] }],
  ])('%j', (row, read) => {
    expect(readWaitingSessions(row)).toEqual(read)
  })

  test('is read to 50 sessions, whatever a server sends', () => {
    const row = ['100000', Array.from({ length: 100_000 }, (_, at) => `${at}@1`).join(' ')]
    expect(readWaitingSessions(row).sessions).toHaveLength(50)
  })
})

interface Stage {
  readonly probe: ProbeConnection
  readonly asked: string[]
  readonly lost: Error[]
  readonly told: string[]
  readonly answer: (outcome: readonly (string | null)[] | Error) => Promise<void>
}

/** A probe connection whose every answer the test gives. */
function stage(isWanted = true): Stage {
  const [asked, lost, told]: [string[], Error[], string[]] = [[], [], []]
  let settle: ((outcome: readonly (string | null)[] | Error) => void) | undefined
  const options: ProbeOptions = {
    hold: 'nothing',
    lookup: noLookup,
    onLost: (error) => lost.push(error),
    onHint: () => undefined,
  }
  const connection: ProbeConnection = {
    isLoggedIn: true,
    query: (sql) => {
      asked.push(sql)
      return new Promise((resolve, reject) => {
        settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome))
      })
    },
    destroy: () => settle?.(new Error('destroyed')),
  }
  const driver = askingSyncWaits(
    { openProbe: () => connection, classify: classifyError },
    {
      isWanted: () => isWanted,
      seen: ({ waiting }) => told.push(`${waiting} wait`),
      unanswered: () => told.push('unanswered'),
    },
  )
  const probe = driver.openProbe(parse('postgresql://u@db').hosts[0], options)
  const answer = async (outcome: readonly (string | null)[] | Error): Promise<void> => {
    settle?.(outcome)
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  return { probe, asked, lost, told, answer }
}

const MASTER = ['false', 'off']
const coded = (code: string): Error => Object.assign(new Error(code), { code })

describe('a probe connection that also asks for sessions that wait', () => {
  test('reports the role first, and has the next check wait for the answer', async () => {
    const { probe, asked, told, answer } = stage()
    const role = probe.query(ROLE_QUERY)
    await answer(MASTER)
    expect(await role).toEqual(MASTER)
    expect(asked).toEqual([ROLE_QUERY, SYNC_WAIT_QUERY])
    void probe.query(ROLE_QUERY)
    await answer(['1', '71@1'])
    expect(told).toEqual(['1 wait'])
    expect(asked).toEqual([ROLE_QUERY, SYNC_WAIT_QUERY, ROLE_QUERY])
  })

  test.each([
    ['a replica', true, ROLE_QUERY, ['true', 'off']],
    ['another question', true, 'select 1', MASTER],
    ['nobody who wants to know', false, ROLE_QUERY, MASTER],
  ])('asks nothing of %s', async (_what, isWanted, sql, row) => {
    const { probe, asked, answer } = stage(isWanted)
    void probe.query(sql)
    await answer(row)
    expect(asked).toEqual([sql])
  })

  test.each([
    ['42501', 0],
    ['42883', 0],
    ['57P01', 1],
    ['ECONNRESET', 1],
  ])('that ends with %s tells of a loss %d times, and does not ask again', async (code, losses) => {
    const { probe, asked, lost, answer } = stage()
    void probe.query(ROLE_QUERY)
    await answer(MASTER)
    await answer(coded(code))
    expect(lost).toHaveLength(losses)
    void probe.query(ROLE_QUERY)
    await answer(MASTER)
    expect(asked.filter((sql) => sql === SYNC_WAIT_QUERY)).toHaveLength(1)
  })

  test('that is given up while a check waits for it says that there was no answer, and no loss', async () => {
    const { probe, lost, told, answer } = stage()
    void probe.query(ROLE_QUERY)
    await answer(MASTER)
    void probe.query(ROLE_QUERY)
    probe.destroy()
    await answer(MASTER)
    expect([lost, told]).toEqual([[], ['unanswered']])
  })

  test('that is left for a fresh one, with the question on its way, says nothing', async () => {
    const { probe, lost, told, answer } = stage()
    void probe.query(ROLE_QUERY)
    await answer(MASTER)
    probe.destroy()
    await answer(MASTER)
    expect([lost, told]).toEqual([[], []])
  })
})
