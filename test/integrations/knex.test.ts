import knex from 'knex'
import { expect, test } from 'vitest'
import type { PgConnection, PoolManager } from 'hasql/pg'
import { knexConfig, onMaster, onReplica } from 'hasql/knex'
import { eventually, rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const PORT = "current_setting('port')::int as port"
const CANCEL_AFTER_MS = 700

interface Row {
  readonly id: number
  readonly port: number
}

/** One Knex: reads go to the replicas by themselves. */
async function open({ db }: Opened): Promise<Subject> {
  const orm = knex(knexConfig(db))
  return {
    read: async () => (await orm.first<{ port: number }>(orm.raw(PORT))).port,
    write: async (id) => {
      const [row] = await orm<Row>('story').insert({ id }).returning('port')
      return row?.port ?? 0
    },
    transaction: (id, failure) =>
      orm.transaction(async (trx) => {
        await trx<Row>('story').insert({ id })
        if (failure !== undefined) throw failure
        await trx<Row>('story').insert({ id: -id })
      }),
    stream: async () => {
      let rows = 0
      for await (const _row of orm.select('n').from(orm.raw('generate_series(1, 1000) n')).stream()) rows += 1
      return rows
    },
    cancel: async (sql) => {
      await onMaster(orm.raw(sql)).timeout(CANCEL_AFTER_MS, { cancel: true })
    },
    close: () => orm.destroy(),
  }
}

integrationSuite({ name: 'knex', package: 'knex', open })

interface PortRow {
  readonly port: number
}

const portOf = async (rows: PromiseLike<unknown>): Promise<number> => {
  const answer = (await rows) as { rows: PortRow[] } | PortRow[]
  return ('rows' in answer ? answer.rows : answer)[0]?.port ?? 0
}

detailSuite('where knex sends what', (ground) => {
  const READ = `select ${PORT}`

  test('reads to replicas, everything else to the master', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const orm = knex(knexConfig(db))
    expect(replicaPorts).toContain(await portOf(orm.raw(READ)))
    expect(await portOf(orm('story').insert({ id: 1 }).returning('port'))).toBe(masterPort)
    const both = orm
      .with('added', orm('story').insert({ id: 2 }).returning('port'))
      .select('port')
      .from('added')
    expect(await portOf(both)).toBe(masterPort)
    expect(await portOf(orm('story').where({ id: 1 }).forUpdate().select(orm.raw(PORT)))).toBe(masterPort)
    expect(await orm.schema.hasTable('story')).toBe(true)
  })

  test('where it is told to', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const orm = knex(knexConfig(db))
    expect(await portOf(onMaster(orm.raw(READ)))).toBe(masterPort)
    expect(replicaPorts).toContain(await portOf(onReplica(orm.raw(`/* it looks odd */ ${READ}`))))
    const [onlyMaster, onlyReplica] = [
      knex(knexConfig(db, { role: 'master' })),
      knex(knexConfig(db, { role: 'replica' })),
    ]
    expect(await portOf(onlyMaster.raw(READ))).toBe(masterPort)
    expect(replicaPorts).toContain(await portOf(onlyReplica.raw(READ)))
    expect(await rejection(onlyReplica('story').insert({ id: 3 }))).toMatchObject({ code: '25006' })
    const inside = onlyReplica.transaction((trx) => portOf(trx.raw(READ)))
    expect(replicaPorts).toContain(await inside)
  })

  test('all of a transaction to the master, savepoints and reads included', async () => {
    const { db, masterPort } = ground()
    const orm = knex(knexConfig(db))
    await orm.transaction(async (trx) => {
      expect(await portOf(trx.raw(READ))).toBe(masterPort)
      expect(await portOf(onReplica(trx.raw(READ)))).toBe(masterPort)
      await rejection(
        trx.transaction(async (inner) => {
          await inner('story').insert({ id: 10 })
          throw new Error('only the inner one')
        }),
      )
      await trx('story').insert({ id: 11 })
      const ids = await trx('story').whereIn('id', [10, 11]).pluck('id')
      expect(ids).toEqual([11])
    })
  })
})

detailSuite('a lease of knex', (ground) => {
  test('gets the search path once for each connection, whichever Knex it was leased by', async () => {
    const { db } = ground()
    const app = knex({ ...knexConfig(db, { role: 'master' }), searchPath: ['app', 'public'] })
    const other = knex({ ...knexConfig(db, { role: 'master' }), searchPath: 'other' })
    const pathOf = async (orm: typeof app): Promise<unknown> =>
      (await orm.raw<{ rows: unknown[] }>('show search_path')).rows[0]
    for (let round = 0; round < 2; round += 1) {
      expect(await pathOf(app)).toEqual({ search_path: 'app, public' })
      expect(await pathOf(other)).toEqual({ search_path: 'other' })
    }
    const broken = knex({ ...knexConfig(db, { role: 'master' }), searchPath: '\0' })
    expect(await rejection(broken.raw('select 1'))).toBeInstanceOf(Error)
  })

  test('waits as long as acquireConnectionTimeout says', async () => {
    const { db } = ground()
    const orm = knex({ ...knexConfig(db), acquireConnectionTimeout: 150 })
    const taken = await Promise.all([db.acquireMaster(), db.acquireMaster()])
    const startMs = performance.now()
    expect(await rejection(orm('story').insert({ id: 20 }))).toMatchObject({ reason: 'pool-exhausted' })
    expect(performance.now() - startMs).toBeLessThan(1_000)
    for (const connection of taken) connection.release()
  })

  test('comes back from a stream once, whether it is read to its end or not', async () => {
    const { db } = ground()
    const orm = knex(knexConfig(db))
    const releases: PgConnection[] = []
    const off = db.on('release', ({ connection }) => releases.push(connection))
    const stream = orm.select('n').from(orm.raw('generate_series(1, 100000) n')).stream()
    for await (const _row of stream) break
    expect(stream.destroyed).toBe(true)
    for await (const _row of orm.select('n').from(orm.raw('generate_series(1, 10) n')).stream()) continue
    await db.withReplica((connection) => connection.query('select 1'))
    off()
    expect(releases.length).toBe(3)
  })

  test('ends with its Knex, and the manager goes on', async () => {
    const { db, masterPort } = ground()
    const orm = knex(knexConfig(db))
    await orm.raw('select 1')
    await orm.destroy()
    expect(await rejection(orm.raw('select 1'))).toMatchObject({
      message: expect.stringContaining('destroyed') as string,
    })
    orm.initialize()
    expect(await portOf(onMaster(orm.raw(`select ${PORT}`)))).toBe(masterPort)
    await new Promise<void>((resolve) => orm.destroy(resolve))
    expect((await db.withMaster((connection) => connection.query('select 1 as one'))).rows).toEqual([{ one: 1 }])
  })
})

const removed = (db: PoolManager): number =>
  db.metrics().drivers.reduce((sum, { connectionsRemoved }) => sum + connectionsRemoved, 0)

for (const ssl of [false, true]) {
  detailSuite(
    `a cancel of knex ${ssl ? 'with' : 'without'} TLS`,
    (ground) => {
      test('reaches the server even when its pool is full, and the connection stays', async () => {
        const { db } = ground()
        const orm = knex(knexConfig(db, { role: 'replica' }))
        const before = removed(db)
        const sleeping = ['select pg_sleep(30)', 'select 1, pg_sleep(30)'].map((sql) =>
          rejection(orm.raw<unknown>(sql).timeout(300, { cancel: true })),
        )
        const errors = await Promise.all(sleeping)
        expect(errors.map(String)).toEqual(
          errors.map(() => expect.stringContaining('KnexTimeoutError: Defined query timeout') as string),
        )
        const running = await orm.raw<{ rows: unknown[] }>(
          "select pid from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid()",
        )
        expect(running.rows).toEqual([])
        expect(removed(db)).toBe(before)
        const { rows } = await orm.raw<{ rows: unknown[] }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
        expect(rows).toEqual([{ ssl }])
      })

      test('that the server does not heed in time costs the connection', async () => {
        const { db } = ground()
        const before = removed(db)
        const orm = knex(knexConfig(db, { role: 'master', cancelTimeoutMs: 100 }))
        const deaf =
          'do $$ begin loop begin perform pg_sleep(30); exception when query_canceled then exit; end; end loop; perform pg_sleep(0.4); end $$'
        expect(await rejection(orm.raw(deaf).timeout(100, { cancel: true }))).toMatchObject({
          message: expect.stringContaining('cancelling of query failed') as string,
        })
        await eventually('it is closed', () => removed(db) === before + 1)
      })

      test('is not asked for: the connection is given up', async () => {
        const { db } = ground()
        const orm = knex(knexConfig(db, { role: 'master' }))
        const before = removed(db)
        expect(await rejection(orm.raw('select pg_sleep(0.5)').timeout(50))).toMatchObject({ name: 'KnexTimeoutError' })
        await eventually('it is closed', () => removed(db) === before + 1)
        expect((await orm.raw<{ rows: unknown[] }>('select 1 as one')).rows).toEqual([{ one: 1 }])
      })
    },
    { replicas: 1, ssl },
  )
}
