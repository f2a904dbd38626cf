import type postgres from 'postgres'
import type { Driver } from '../../driver/driver.ts'
import { driverOf } from './driver-of.ts'
import { makeTemplate } from './options.ts'
import type { PostgresPoolOptions } from './pool-options.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/** The driver for postgres.js. One for each manager: its connections share parsers, and it remembers which hosts speak TLS. */
export function createPostgresDriver(given: PostgresPoolOptions = {}): Driver<PostgresConnection, postgres.Sql> {
  return driverOf({ given, template: makeTemplate(given) })
}
