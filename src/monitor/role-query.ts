import type { RoleAnswer } from '../topology/observation.ts'

/**
 * One statement, one round trip, outside any transaction, for an unprivileged role; the same on PostgreSQL 12 to 18.
 * `pg_walfile_name` begins with the timeline being written, right from the moment of a promotion
 * (PostgreSQL documentation, 9.28.3 "Backup Control Functions").
 */
export const ROLE_QUERY = `select pg_is_in_recovery()::text,
  current_setting('default_transaction_read_only'),
  case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text,
  case when pg_is_in_recovery() then null
       else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end::text`

/** For a server that keeps its WAL functions to itself: the role alone. */
export const ROLE_ONLY_QUERY = `select pg_is_in_recovery()::text, current_setting('default_transaction_read_only')`

/** What does not change in the life of a connection: which cluster, and which life of the server. */
export const IDENTITY_QUERY = `select system_identifier::text, pg_postmaster_start_time()::text from pg_control_system()`

/** Which cluster and which life of the server a connection leads to; undefined where the rights are missing. */
export interface Identity {
  readonly systemId: string | undefined
  readonly incarnation: string | undefined
}

/** SQLSTATEs of a server that does not let this role read its WAL position: degrade to the role alone. */
export const MISSING_RIGHTS: ReadonlySet<string> = new Set(['42501', '0A000', '42883'])

type Row = readonly (string | null)[]

/** Reads the row of `IDENTITY_QUERY`. */
export function readIdentity([systemId, incarnation]: Row): Identity {
  return { systemId: systemId ?? undefined, incarnation: incarnation ?? undefined }
}

/**
 * Reads the row of `ROLE_QUERY` or `ROLE_ONLY_QUERY`.
 * @throws {TypeError} the row is not one of theirs: something else than PostgreSQL answered.
 */
export function readRole([recovery, readOnly, lsn, timeline]: Row, identity: Identity): RoleAnswer {
  if (recovery !== 'true' && recovery !== 'false') throw new TypeError('The answer to the role query is not a role')
  return Object.freeze({
    inRecovery: recovery === 'true',
    readOnlyDefault: readOnly === 'on',
    timeline: timeline === null || timeline === undefined ? undefined : Number(timeline),
    lsn: parseLsn(lsn),
    ...identity,
  })
}

/** `16/B374D848` as a number: the high and the low half, both hexadecimal (PostgreSQL documentation, 8.20 "pg_lsn"). */
export function parseLsn(text: string | null | undefined): bigint | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '')
  if (match === null) return undefined
  return (BigInt(`0x${match[1] ?? ''}`) << 32n) | BigInt(`0x${match[2] ?? ''}`)
}
