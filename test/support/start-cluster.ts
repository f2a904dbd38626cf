import { PgCluster } from 'hasql/testing'
import type { PgClusterOptions } from 'hasql/testing'

/** A cluster of the version the matrix asks for (`TEST_POSTGRES_VERSION`), by default the one installed. */
export function startCluster(options: PgClusterOptions = {}): Promise<PgCluster> {
  const version = process.env['TEST_POSTGRES_VERSION']
  return PgCluster.start(version === undefined ? options : { ...options, version: Number(version) })
}
