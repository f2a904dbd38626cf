import { afterAll, beforeAll, expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { PgConnection } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'

forbidEscapedErrors()

let cluster: PgCluster
let db: PoolManager

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 1 })
  db = new PoolManager(cluster.dsn)
  await db.ready()
})
afterAll(async () => {
  await db.close()
  await cluster.close()
})

const count = async (connection: PgConnection): Promise<number | undefined> =>
  (await connection.query<{ n: number }>('select count(*)::int as n from t')).rows[0]?.n

test('fault 22: a replica may not have an earlier write yet; the master has', async () => {
  await db.withMaster((connection) => connection.query('create table t (n int)'))
  const [replica] = await cluster.replicas()
  await eventually('the table is there', async () => (await db.withReplica(count).catch(() => undefined)) === 0)
  await replica?.pauseReplay()
  await db.withMaster((connection) => connection.query('insert into t values (1)'))
  expect([await db.withReplica(count), await db.withMaster(count)]).toEqual([0, 1])
  await replica?.resumeReplay()
  await eventually('the replica has it, too', async () => (await db.withReplica(count)) === 1)
})
