import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BasePoolManager } from 'hasql'
import { PoolManager } from 'hasql/pg'
import { PoolManager as PostgresPoolManager } from 'hasql/postgres'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import type { SyncWait, SyncWaitEnd } from '../../../src/manager/events.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'

forbidEscapedErrors()

const DELAY_MS = 500
const OPTIONS = { refreshDelayMs: DELAY_MS, refreshTimeoutMs: 1_000 }

let cluster: PgCluster
let master: PgNode
let standby: PgNode

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  master = await cluster.master()
  const [replica] = await cluster.replicas()
  if (replica === undefined) throw new Error('a replica is expected')
  standby = replica
  await master.query('create table t (n int)')
  await master.query(`grant all on t to ${cluster.user}`)
})
afterAll(async () => {
  await cluster.close()
})
afterEach(async () => {
  await master.setting('synchronous_standby_names', '')
})

interface Seen {
  readonly begun: SyncWait[]
  readonly ended: SyncWaitEnd[]
}

function listenTo<TConnection, TPool>(db: BasePoolManager<TConnection, TPool>): Seen {
  const seen: Seen = { begun: [], ended: [] }
  db.on('syncWait', (record) => seen.begun.push(record))
  db.on('syncWaitEnded', (record) => seen.ended.push(record))
  return seen
}

const waitingFor = async (event: string): Promise<number> =>
  (await master.query('select from pg_stat_activity where wait_event = $1 or wait_event_type = $1', [event])).length

/** The driver's manager, and an insert that is committed by itself. */
const DRIVERS = [
  ['pg', () => pgStory(new PoolManager(cluster.dsn, OPTIONS))],
  ['postgres', () => postgresStory(new PostgresPoolManager(cluster.dsn, OPTIONS))],
] as const

interface Story {
  readonly db: Pick<PoolManager | PostgresPoolManager, 'ready' | 'terminate' | 'metrics' | 'masterPoolCount'>
  readonly seen: Seen
  readonly insert: () => Promise<unknown>
}

function pgStory(db: PoolManager): Story {
  return {
    db,
    seen: listenTo(db),
    insert: () => db.withMaster((connection) => connection.query('insert into t values (1)')),
  }
}

function postgresStory(db: PostgresPoolManager): Story {
  return { db, seen: listenTo(db), insert: () => db.withMaster((sql) => sql`insert into t values (1)`) }
}

describe.each(DRIVERS)('%s: a master whose synchronous standby is dead', (_driver, make) => {
  test('is told of within three checks, and again when the standby is back', async () => {
    const { db, seen, insert } = make()
    try {
      await db.ready()
      await insert()
      await standby.stop('immediate')
      await master.setting('synchronous_standby_names', '*')
      await eventually('commits are to wait', async () => {
        const [row] = await master.query<{ names: string }>("select current_setting('synchronous_standby_names') names")
        return row?.names === '*'
      })
      // That they do is up to the checkpointer, which reads the setting in its own time.
      const commits: Promise<unknown>[] = []
      await eventually('a commit waits', async () => {
        const commit = insert()
        // It fails when the test breaks off before it has looked at it.
        commit.catch(() => undefined)
        commits.push(commit)
        return (await waitingFor('SyncRep')) > 0
      })
      const startMs = performance.now()
      await eventually('it is told of', () => seen.begun.length > 0)
      const tookMs = performance.now() - startMs
      expect(tookMs).toBeLessThan(3 * DELAY_MS + 500)
      expect(seen.begun).toMatchObject([{ host: `127.0.0.1:${master.port}` }])
      expect(seen.begun[0]?.waiting).toBeGreaterThan(0)
      expect(db.metrics().drivers[0]?.syncWaitMs).toBeGreaterThan(0)
      expect(db.masterPoolCount).toBe(1)
      await standby.start()
      await Promise.all(commits)
      await eventually('its end is told of', () => seen.ended.length > 0)
      expect([seen.begun.length, seen.ended.length]).toEqual([1, 1])
      expect(db.metrics().drivers[0]?.syncWaitMs).toBe(0)
    } finally {
      await db.terminate()
      if (standby.pid === undefined) await standby.start()
    }
  })
})

test('a statement that waits for a lock, or is merely long, is not one that waits for a standby', async () => {
  await using db = new PoolManager(cluster.dsn, OPTIONS)
  await db.ready()
  const seen = listenTo(db)
  await using holder = await db.acquireMaster()
  await holder.query('begin')
  await holder.query('lock table t')
  const locked = db.withMaster((connection) => connection.query('insert into t values (2)'))
  const long = db.withMaster((connection) => connection.query('select pg_sleep(4)'))
  await eventually('one waits for the lock', async () => (await waitingFor('Lock')) > 0)
  await long
  expect(seen.begun).toEqual([])
  await holder.query('commit')
  await locked
  expect(seen.begun).toEqual([])
})
