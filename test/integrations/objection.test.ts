import knex from 'knex'
import type { Knex } from 'knex'
import { Model } from 'objection'
import { expect, test } from 'vitest'
import { knexConfig } from 'hasql/knex'
import type { PoolManager } from 'hasql/pg'
import { rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const PORT = "current_setting('port')::int as port"
const CANCEL_AFTER_MS = 700

interface Bound {
  /** Bound to the master. */
  readonly Story: StoryModel
  readonly replica: Knex
  readonly close: () => Promise<void>
}

class StoryRow extends Model {
  static override readonly tableName = 'story'
  declare id: number
  declare port: number
}
type StoryModel = typeof StoryRow

/** The models are the master's; what may be read from a replica says so. */
function bind(db: PoolManager): Bound {
  const master = knex(knexConfig(db, { role: 'master' }))
  const replica = knex(knexConfig(db, { role: 'replica' }))
  return {
    Story: StoryRow.bindKnex(master),
    replica,
    close: async () => {
      await Promise.all([master.destroy(), replica.destroy()])
    },
  }
}

async function open({ db }: Opened): Promise<Subject> {
  const { Story, replica, close } = bind(db)
  const OnReplica = StoryRow.bindKnex(replica)
  return {
    read: async () =>
      (await OnReplica.query().select(OnReplica.raw(PORT)).from(OnReplica.raw('(select 1) one')).first())?.port ?? 0,
    write: async (id) => (await Story.query().insert({ id }).returning('port')).port,
    transaction: (id, failure) =>
      Story.transaction(async (trx) => {
        await Story.query(trx).insert({ id })
        if (failure !== undefined) throw failure
        await Story.query(trx).insert({ id: -id })
      }),
    stream: async () => {
      let rows = 0
      const numbers = OnReplica.query().select('n').from(OnReplica.raw('generate_series(1, 1000) n'))
      for await (const _row of numbers.toKnexQuery().stream()) rows += 1
      return rows
    },
    cancel: async (sql) => {
      const sleeping = Story.query().select(Story.raw(sql.replace(/^select /, '')))
      await sleeping.from(Story.raw('(select 1) one')).timeout(CANCEL_AFTER_MS, { cancel: true })
    },
    close,
  }
}

integrationSuite({ name: 'objection', package: 'objection', open })

detailSuite('models of objection', (ground) => {
  test('read what they have just written, on the master they are bound to', async () => {
    const { db, masterPort } = ground()
    const { Story, close } = bind(db)
    for (let id = 100; id < 120; id += 1) {
      expect(await Story.query().insertAndFetch({ id })).toEqual({ id, port: masterPort })
    }
    const changed = await Story.query().patchAndFetchById(100, { port: 1 })
    expect(changed.port).toBe(1)
    await close()
  })

  test('go where a query says, for this query', async () => {
    const { db, masterPort, replicaPorts } = ground()
    const { Story, replica, close } = bind(db)
    const portOf = async (at?: Knex): Promise<number | undefined> =>
      (await Story.query(at).select(Story.raw(PORT)).from(Story.raw('(select 1) one')).first())?.port
    expect(await portOf()).toBe(masterPort)
    expect(replicaPorts).toContain(await portOf(replica))
    expect(await rejection(Story.query(replica).insert({ id: 130 }).execute())).toMatchObject({
      nativeError: expect.objectContaining({ code: '25006' }) as Error,
    })
    await Story.transaction(async (trx) => expect(await portOf(trx)).toBe(masterPort))
    await close()
  })
})
