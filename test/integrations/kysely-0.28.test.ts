import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createSession } from 'hasql/kysely'
import { rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import { openKysely } from './support/kysely.ts'
import type { Database } from './support/kysely.ts'
import { integrationSuite } from './support/suite.ts'

// Here 'kysely' is 0.28, the last that runs on Node 20.

integrationSuite({
  name: 'Kysely',
  package: 'kysely-0.28',
  open: async (opened) => openKysely(opened),
  lacks: { cancel: 'Kysely takes no AbortSignal before 0.29' },
})

detailSuite('Kysely 0.28: sessions', (ground) => {
  test('transactions and queries of one session come one after the other', async () => {
    await using session = await createSession<Database>(ground().db)
    const insert = (id: number, failure?: Error): Promise<void> =>
      session.transaction().execute(async (trx) => {
        await trx.insertInto('story').values({ id }).execute()
        if (failure !== undefined) throw failure
      })
    const failed = rejection(insert(302, new Error('changed my mind')))
    const kept = insert(303)
    const ids = session.selectFrom('story').select('id').where('id', 'in', [302, 303]).execute()
    expect(await failed).toMatchObject({ message: 'changed my mind' })
    await kept
    expect(await ids).toEqual([{ id: 303 }])
  })

  test('a session that is given back refuses what waited for its turn', async () => {
    const session = await createSession<Database>(ground().db)
    const running = rejection(sql`select pg_sleep(0.2)`.execute(session))
    const waiting = rejection(session.selectFrom('story').selectAll().execute())
    await session.destroy()
    expect(await running).toBeInstanceOf(Error)
    expect(await waiting).toBeInstanceOf(Error)
    const { drivers } = ground().db.metrics()
    expect(drivers.map(({ used }) => used)).toEqual([0, 0, 0])
  })
})
