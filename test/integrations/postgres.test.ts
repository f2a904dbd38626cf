import type postgres from 'postgres'
import { PoolManager } from 'hasql/postgres'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

interface WithPort {
  readonly port: number
}

/** postgres.js through the `sql` of the two roles. */
async function open({ dsn }: Opened): Promise<Subject> {
  const db = new PoolManager(dsn, { fallbackMaster: true, poolOptions: { max: 4 } })
  await db.ready()
  const { master, replica } = db
  return {
    read: async () => portOf(await replica<WithPort[]>`select current_setting('port')::int as port`),
    write: async (id) => portOf(await master<WithPort[]>`insert into story values (${id}) returning port`),
    transaction: async (id, failure) => {
      await master.begin(async (sql) => {
        await sql`insert into story values (${id})`
        if (failure !== undefined) throw failure
        await sql`insert into story values (${-id})`
      })
    },
    stream: async () => {
      let rows = 0
      for await (const some of replica`select n from generate_series(1, 1000) n`.cursor(100)) rows += some.length
      return rows
    },
    cancel: async (text, signal) => {
      const query = master.unsafe(text)
      signal.addEventListener('abort', () => query.cancel())
      await query
    },
    close: () => db.close(),
  }
}

function portOf([row]: postgres.RowList<WithPort[]>): number {
  return row?.port ?? 0
}

integrationSuite({ name: 'postgres', package: 'postgres', open, ownManager: true })
