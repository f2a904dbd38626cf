import type { BasePoolManager, ManagerOptions } from 'hasql'
import { PoolManager as PgManager } from 'hasql/pg'
import type { PgConnection } from 'hasql/pg'
import { PoolManager as PostgresManager } from 'hasql/postgres'
import type { PostgresConnection } from 'hasql/postgres'

/** What differs from driver to driver; everything else is expected to be the same. */
export interface DriverCase<TConnection> {
  readonly name: string
  open(dsn: string, options: ManagerOptions & { readonly max: number }): BasePoolManager<TConnection, unknown>
  /** Runs one statement; resolves to its rows. */
  query(connection: TConnection, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** The driver's own way to give a connection back. */
  release(connection: TConnection): void
}

/** `pg`. */
export const pgCase: DriverCase<PgConnection> = {
  name: 'pg',
  open: (dsn, { max, ...options }) => new PgManager(dsn, { ...options, poolOptions: { max } }),
  query: async (connection, sql) => (await connection.query<Record<string, unknown>>(sql)).rows,
  release: (connection) => connection.release(),
}

/** postgres.js. */
export const postgresCase: DriverCase<PostgresConnection> = {
  name: 'postgres',
  open: (dsn, { max, ...options }) =>
    new PostgresManager(dsn, { ...options, poolOptions: { max, onnotice: () => undefined } }),
  query: (connection, sql) => connection.unsafe(sql),
  release: (connection) => connection.release(),
}
