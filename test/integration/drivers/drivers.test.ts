import { afterAll, beforeAll, describe } from 'vitest'
import { PgCluster } from 'hasql/testing'
import { driverConformance } from './conformance.ts'
import { pgCase, postgresCase } from './driver-case.ts'

describe('every driver', () => {
  let cluster: PgCluster | undefined
  beforeAll(async () => {
    cluster = await PgCluster.start({ replicas: 1 })
    // Which timeline a replica follows is shown at once to these only.
    await (await cluster.master()).query(`grant pg_read_all_stats to ${cluster.user}`)
  })
  afterAll(async () => {
    await cluster?.close()
  })
  const given = (): PgCluster => {
    if (cluster === undefined) throw new Error('The cluster has not started')
    return cluster
  }
  driverConformance(pgCase, given)
  driverConformance(postgresCase, given)
})
