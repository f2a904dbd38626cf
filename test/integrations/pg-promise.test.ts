import pgPromise from 'pg-promise'
import QueryStream from 'pg-query-stream'
import { describe, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import { pgOf, pgPromiseDatabases } from 'hasql/pg-promise'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../support/escaped-errors.ts'
import { eventually, rejection } from '../support/eventually.ts'
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
      await replica.stream(new QueryStream('select n from generate_series(1, 1000) n'), (stream) => {
        stream.on('data', () => (rows += 1))
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

describe('a connection of pg-promise', () => {
  forbidEscapedErrors()

  test('made past the pool is one to the host that has the role, over TLS and with the password', async () => {
    await using cluster = await PgCluster.start({ replicas: 1, ssl: true })
    await using db = new PoolManager(cluster.dsn, { pg: pgOf(pgp) })
    await db.ready()
    const { master, replica } = pgPromiseDatabases(pgp, db)
    const ports = [(await cluster.master()).port, (await cluster.replicas())[0]?.port]
    for (const [index, database] of [master, replica].entries()) {
      const direct = await database.connect({ direct: true })
      expect(await direct.one(PORT, [], portOf)).toBe(ports[index])
      await direct.done()
    }
    await cluster.failover()
    await eventually('the new master is known', async () => (await master.one(PORT, [], portOf)) === ports[1])
    const direct = await master.connect({ direct: true })
    expect(await direct.one(PORT, [], portOf)).toBe(ports[1])
    await direct.done()
    await Promise.all([master.$pool.end(), replica.$pool.end()])
  })

  test('that a task kept is given back, and the server is told of nothing but its queries', async () => {
    await using cluster = await PgCluster.start({ replicas: 0 })
    await using db = new PoolManager(cluster.dsn, { pg: pgOf(pgp), poolOptions: { max: 1 } })
    const { master, replica } = pgPromiseDatabases(pgp, db)
    const asked = 'select pg_backend_pid() as pid'
    const [one, two] = await master.task(async (t) => [await t.one<object>(asked), await t.one<object>(asked)])
    expect(two).toEqual(one)
    expect(await rejection(master.task((t) => t.none('select 1')))).toMatchObject({ name: 'QueryResultError' })
    expect(await master.one(asked)).toEqual(one)
    await Promise.all([master.$pool.end(), replica.$pool.end()])
    expect(await db.withMaster((connection) => connection.query(asked))).toMatchObject({ rows: [one] })
  })
})
