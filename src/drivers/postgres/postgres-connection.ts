import type postgres from 'postgres'

/**
 * A connection of postgres.js that is leased: an `sql` whose statements all run on it. `release()` gives it back, and so does
 * `await using`.
 */
export type PostgresConnection = postgres.ReservedSql & AsyncDisposable
