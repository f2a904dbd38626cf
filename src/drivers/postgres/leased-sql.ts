import type postgres from 'postgres'
import type { BoundLease } from '../../driver/driver.ts'
import type { NativeSql } from './native.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { sqlOn, refused } from './sql.ts'
import type { QueryDesk } from './sql.ts'
import { textAndWork } from './transaction.ts'
import type { Work } from './transaction.ts'

/** The connection behind a leased `sql`. */
export interface LeasedSeat extends QueryDesk {
  readonly template: NativeSql
  readonly lease: BoundLease | undefined
  begin(options: string, work: Work): Promise<unknown>
}

/** The `sql` of one connection; the same object for each lease of it. */
export function leasedSql(seat: LeasedSeat): PostgresConnection {
  const begin = async (first: unknown, second: unknown): Promise<unknown> => {
    const { text = '', work } = textAndWork(first, second)
    return seat.begin(text, work)
  }
  const release = (): void => undefined
  const sql = sqlOn(seat.template, seat, {
    begin,
    release,
    // Whoever reserves a connection of this one gets it as it is, and gives nothing back.
    reserve: () => Promise.resolve(sqlOn(seat.template, seat, { begin, release })),
    listen: refused('listen', 'use listen of db.master, which follows the master'),
    end: () => Promise.resolve(seat.lease?.dispose()),
  })
  Object.defineProperty(sql, Symbol.asyncDispose, {
    // `await using` reads it where the variable is declared, so leaving the scope after an early release ends no later lease.
    get: () => {
      const { lease } = seat
      return () => Promise.resolve(lease?.dispose())
    },
  })
  if (isSql(sql) && isConnection(sql)) return sql
  throw new TypeError('This is no leased sql')
}

/** Whether it is an `sql`: a function with the parts that postgres.js gives one. */
export function isSql(made: object): made is postgres.Sql {
  return typeof made === 'function' && 'unsafe' in made && 'begin' in made
}

function isConnection(sql: postgres.Sql): sql is PostgresConnection {
  return 'release' in sql && Symbol.asyncDispose in sql
}
