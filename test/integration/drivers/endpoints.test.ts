import { afterAll, beforeAll, describe } from 'vitest'
import { PgCluster } from 'hasql/testing'
import { pgCase, postgresCase } from './driver-case.ts'
import { endpointConformance } from './endpoints.ts'

describe('an endpoint in front of several servers', () => {
  let cluster: PgCluster | undefined
  beforeAll(async () => {
    cluster = await PgCluster.start({ replicas: 2 })
  })
  afterAll(async () => {
    await cluster?.close()
  })
  const given = (): PgCluster => {
    if (cluster === undefined) throw new Error('The cluster has not started')
    return cluster
  }
  endpointConformance(pgCase, given)
  endpointConformance(postgresCase, given)
})
