import { PoolManager } from 'hasql/pg-native'
import type { PgConnection } from 'hasql/pg-native'
import type { DriverCase } from '../integration/drivers/driver-case.ts'

/** libpq, through pg-native. */
export const nativeCase: DriverCase<PgConnection> = {
  name: 'pg-native',
  open: (dsn, { max, ...options }) => new PoolManager(dsn, { ...options, poolOptions: { max } }),
  query: async (connection, sql) => (await connection.query<Record<string, unknown>>(sql)).rows,
  release: (connection) => connection.release(),
}
