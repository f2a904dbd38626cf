import { afterAll, beforeAll, describe } from 'vitest'
import { PgCluster } from 'hasql/testing'
import { driverConformance } from '../integration/drivers/conformance.ts'
import { tlsConformance } from '../integration/drivers/tls-conformance.ts'
import { libpqVersion } from './headers.ts'
import { nativeCase } from './native-case.ts'

describe('as every driver', () => {
  let cluster: PgCluster | undefined
  beforeAll(async () => {
    cluster = await PgCluster.start({ replicas: 1 })
    // Which timeline a replica follows is shown at once to these only.
    await (await cluster.master()).query(`grant pg_read_all_stats to ${cluster.user}`)
  })
  afterAll(async () => {
    await cluster?.close()
  })
  driverConformance(nativeCase, () => {
    if (cluster === undefined) throw new Error('The cluster has not started')
    return cluster
  })
})

// libpq can from version 17 on.
tlsConformance(nativeCase, libpqVersion() >= 17)
