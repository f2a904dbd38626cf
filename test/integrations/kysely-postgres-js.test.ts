import { Kysely, sql } from 'kysely'
import { PostgresJSDialect } from 'kysely-postgres-js'
import { PoolManager } from 'hasql/postgres'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

interface Database {
  story: { id: number; port?: number }
}

/** Kysely on postgres.js: one for each role. */
async function open({ dsn }: Opened): Promise<Subject> {
  const db = new PoolManager(dsn, { fallbackMaster: true, poolOptions: { max: 4 } })
  await db.ready()
  const [master, replica] = [db.master, db.replica].map(
    (postgres) => new Kysely<Database>({ dialect: new PostgresJSDialect({ postgres }) }),
  )
  if (master === undefined || replica === undefined) throw new Error('Two were made')
  const port = sql<number>`current_setting('port')::int`.as('port')
  return {
    read: async () => (await replica.selectNoFrom(port).executeTakeFirstOrThrow()).port,
    write: async (id) => {
      const row = await master.insertInto('story').values({ id }).returning('port').executeTakeFirstOrThrow()
      return row.port ?? 0
    },
    transaction: (id, failure) =>
      master.transaction().execute(async (trx) => {
        await trx.insertInto('story').values({ id }).execute()
        if (failure !== undefined) throw failure
        await trx.insertInto('story').values({ id: -id }).execute()
      }),
    stream: async () => {
      let rows = 0
      const numbers = sql<{ n: number }>`generate_series(1, 1000)`.as<'n'>('n')
      for await (const _ of replica.selectFrom(numbers).selectAll().stream(100)) rows += 1
      return rows
    },
    cancel: async (text, signal) => {
      await sql.raw(text).execute(master, { signal, inflightQueryAbortStrategy: 'cancel query' })
    },
    close: async () => {
      await Promise.all([master.destroy(), replica.destroy()])
      await db.close()
    },
  }
}

integrationSuite({ name: 'kysely-postgres-js', package: 'kysely-postgres-js', open, ownManager: true })
