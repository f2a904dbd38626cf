import pgPromise from 'pg-promise'
import QueryStream from 'pg-query-stream'
import { PoolManager } from 'hasql/pg'
import { pgOf, pgPromiseDatabases } from 'hasql/pg-promise'
import type { Opened, Subject } from './support/library.ts'
import { integrationSuite } from './support/suite.ts'

const PORT = "select current_setting('port')::int as port"
const pgp = pgPromise()

const portOf = ({ port }: { readonly port: number }): number => port

async function open({ dsn }: Opened): Promise<Subject> {
  const db = new PoolManager(dsn, { pg: pgOf(pgp), fallbackMaster: true, poolOptions: { max: 4 } })
  await db.ready()
  const { master, replica } = pgPromiseDatabases(pgp, db)
  return {
    read: () => replica.one(PORT, [], portOf),
    write: (id) => master.one('insert into story values ($1) returning port', [id], portOf),
    transaction: (id, failure) =>
      master.tx(async (t) => {
        await t.none('insert into story values ($1)', [id])
        if (failure !== undefined) throw failure
        await t.none('insert into story values ($1)', [-id])
      }),
    stream: async () => {
      let rows = 0
      await replica.stream(new QueryStream('select n from generate_series(1, 1000) n'), async (stream) => {
        for await (const _row of stream) rows += 1
      })
      return rows
    },
    close: async () => {
      await Promise.all([master.$pool.end(), replica.$pool.end()])
      await db.close()
    },
  }
}

integrationSuite({
  name: 'pg-promise',
  package: 'pg-promise',
  open,
  ownManager: true,
  lacks: { cancel: 'pg-promise cannot call a statement off' },
})
