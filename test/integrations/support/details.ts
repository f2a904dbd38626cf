import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { PoolManager } from 'hasql/pg'
import type { ManagerOptions } from 'hasql'
import { PgCluster } from 'hasql/testing'
import type { PgClusterOptions } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { waitForTable } from '../../support/wait-for-table.ts'

/** What the tests of an adapter's own options, errors and edges stand on: a cluster with the table `story`, never broken. */
export interface Ground {
  readonly db: PoolManager
  readonly cluster: PgCluster
  readonly masterPort: number
  readonly replicaPorts: readonly number[]
}

const TABLE = `create table story (id int primary key, port int not null default current_setting('port')::int);
  grant all on story to public`

/** Tests beside the story that is told for every library; the manager must have all its leases back after each of them. */
export function detailSuite(
  title: string,
  tests: (ground: () => Ground) => void,
  cluster: PgClusterOptions = { replicas: 2 },
  options: ManagerOptions = {},
): void {
  describe(title, () => {
    let ground: Ground | undefined
    const given = (): Ground => {
      if (ground === undefined) throw new Error('The cluster has not started')
      return ground
    }
    forbidEscapedErrors()
    beforeAll(async () => {
      ground = await lay(cluster, options)
    })
    afterEach(async () => {
      const used = (): number =>
        given()
          .db.metrics()
          .drivers.reduce((sum, { used }) => sum + used, 0)
      await eventually('every lease is back', () => used() === 0, 2_000)
      expect(given().db.closing).toBe(false)
    })
    afterAll(async () => {
      await ground?.db.close()
      await ground?.cluster.close()
    })
    tests(given)
  })
}

async function lay(clusterOptions: PgClusterOptions, options: ManagerOptions): Promise<Ground> {
  const cluster = await PgCluster.start(clusterOptions)
  const db = new PoolManager(cluster.dsn, { ...options, poolOptions: { max: 2 } })
  try {
    const [master, replicas] = [await cluster.master(), await cluster.replicas()]
    await master.query(TABLE)
    await db.ready()
    // What is read from a replica below must be there.
    await Promise.all(replicas.map((replica) => waitForTable(replica, 'story')))
    return { db, cluster, masterPort: master.port, replicaPorts: replicas.map(({ port }) => port) }
  } catch (error) {
    await db.terminate()
    await cluster.close()
    throw error
  }
}
