import { expect, test } from 'vitest'
import { AccessRefusedError } from 'hasql'
import { PgCluster } from 'hasql/testing'
import { rejection } from '../../support/eventually.ts'
import { postgresCase } from './driver-case.ts'
import { tlsConformance } from './tls-conformance.ts'

// `pg` has tests of its own, test/integration/pg/tls.test.ts.
tlsConformance(postgresCase)

test('a server without TLS is refused where TLS is wanted, and taken where it is not', async () => {
  await using cluster = await PgCluster.start({ replicas: 0 })
  await using required = postgresCase.open(`${cluster.dsn}?sslmode=require`, { max: 1 })
  const error = await rejection(required.acquireMaster())
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toContain('does not take TLS')
  await using preferred = postgresCase.open(`${cluster.dsn}?sslmode=prefer`, { max: 1 })
  expect(await preferred.withMaster((sql) => sql`select 1 as one`)).toEqual([{ one: 1 }])
})
