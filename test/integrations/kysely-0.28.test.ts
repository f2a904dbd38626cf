import { Kysely, sql } from 'kysely'
import Cursor from 'pg-cursor'
import { expect, test } from 'vitest'
import { HasqlDialect, createSession } from 'hasql/kysely'
import { rejection } from '../support/eventually.ts'
import { detailSuite } from './support/details.ts'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

// Here 'kysely' is 0.28, the last that runs on Node 20.

interface Database {
  readonly story: { readonly id: number; readonly port: number | undefined }
}

const PORT = sql<number>`current_setting('port')::int`

async function open({ db }: Opened): Promise<Subject> {
  const kysely = new Kysely<Database>({ dialect: new HasqlDialect(db, { cursor: Cursor }) })
  return {
    read: async () => (await kysely.selectNoFrom(PORT.as('port')).executeTakeFirstOrThrow()).port,
    write: async (id) => {
      const written = kysely.insertInto('story').values({ id }).returning('port')
      return (await written.executeTakeFirstOrThrow()).port ?? 0
    },
    transaction: async (id, failure) => {
      await kysely.transaction().execute(async (trx) => {
        await trx.insertInto('story').values({ id }).execute()
        if (failure !== undefined) throw failure
        await trx.insertInto('story').values({ id: -id }).execute()
      })
    },
    stream: async () => {
      const numbers = kysely.selectFrom(sql<{ n: number }>`generate_series(1, 1000)`.as('n')).selectAll()
      let rows = 0
      for await (const _ of numbers.stream(100)) rows += 1
      return rows
    },
    close: () => kysely.destroy(),
  }
}

integrationSuite({
  name: 'Kysely',
  package: 'kysely-0.28',
  open,
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
    expect(
      ground()
        .db.metrics()
        .drivers.map(({ used }) => used),
    ).toEqual([0, 0, 0])
  })
})
