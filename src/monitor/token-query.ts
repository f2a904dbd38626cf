import type { WriteToken } from '../topology/write-token.ts'
import { TIMELINE_WRITTEN, parseLsn } from './role-query.ts'

/**
 * Where the master is now: everything that was committed on its connections before this is asked lies before it, also
 * what `synchronous_commit = off` has not written yet, hence the insert position
 * (PostgreSQL documentation, 9.28.3 "Backup Control Functions"). The same on PostgreSQL 12 to 18, for an unprivileged role.
 */
export const TOKEN_QUERY: string = `select pg_catalog.txid_current_if_assigned()::pg_catalog.text,
  system_identifier::pg_catalog.text,
  ${TIMELINE_WRITTEN},
  case when pg_catalog.pg_is_in_recovery() then null else pg_catalog.pg_current_wal_insert_lsn() end::pg_catalog.text,
  pg_catalog.current_setting('wal_block_size')
  from pg_catalog.pg_control_system()`

type Row = readonly (string | null)[]

/** What a page of the log begins with when no record goes on from the page before. */
const PAGE_HEADER = 24n

/** Reads the row of `TOKEN_QUERY`; in words why there is no token. */
export function readToken([transaction, systemId, timeline, insertLsn, blockSize]: Row): WriteToken | string {
  const lsn = parseLsn(insertLsn)
  if (lsn === undefined || timeline === null || timeline === undefined || systemId === null || systemId === undefined) {
    return 'the connection leads to a replica; writes are made, and their tokens taken, on the master'
  }
  if (transaction !== null) return 'its transaction is open; take the token after the commit, which it is to be of'
  return Object.freeze({ systemId, timeline: Number(timeline), lsn: endOfLastRecord(lsn, blockSize) })
}

/** Past the header of an empty page lies nothing yet, and no replica gets there before something does. */
function endOfLastRecord(lsn: bigint, blockSize: string | null | undefined): bigint {
  const pageBytes = BigInt(blockSize ?? 0)
  return pageBytes > 0n && lsn % pageBytes === PAGE_HEADER ? lsn - PAGE_HEADER : lsn
}
