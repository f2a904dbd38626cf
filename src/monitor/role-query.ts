import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { RoleAnswer } from '../topology/observation.ts'

/**
 * Every function, view and type is named with its schema: a role's `search_path` may put others of the same name in front
 * (PostgreSQL documentation, 5.9.3 "The Schema Search Path"). `int`, `bit`, `case`, `greatest` are grammar, not names.
 */
export const TIMELINE_WRITTEN: string = `case when pg_catalog.pg_is_in_recovery() then null
       else pg_catalog.concat('x', pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int
       end::pg_catalog.text`

/** For a server that keeps its WAL functions to itself: the role alone. */
export const ROLE_ONLY_QUERY = `select pg_catalog.pg_is_in_recovery()::pg_catalog.text,
  pg_catalog.current_setting('default_transaction_read_only')`

/**
 * Role and position of a server that keeps its control file to itself: a replica's timeline cannot be told then, and so
 * neither its lag.
 */
export const POSITION_QUERY: string = `${ROLE_ONLY_QUERY},
  case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
       else pg_catalog.pg_current_wal_lsn() end::pg_catalog.text,
  ${TIMELINE_WRITTEN}`

/**
 * One statement, one round trip, outside any transaction, for an unprivileged role; the same on PostgreSQL 12 to 18.
 * `pg_walfile_name` begins with the timeline being written, right from the moment of a promotion
 * (PostgreSQL documentation, 9.28.3 "Backup Control Functions").
 *
 * A replica has no function that tells its timeline. Its control file has one that it has reached, minutes late after a
 * promotion (9.27.10 "Control Data Functions"); its receiver's is exact, and shown to members of `pg_read_all_stats` only
 * (27.2.5 "pg_stat_wal_receiver"). Whether a receiver runs, and its process id, is shown to everybody.
 */
export const ROLE_QUERY: string = `${POSITION_QUERY},
  case when pg_catalog.pg_is_in_recovery()
       then (select greatest(timeline_id, min_recovery_end_timeline)::pg_catalog.text
             from pg_catalog.pg_control_checkpoint(), pg_catalog.pg_control_recovery()) end,
  case when pg_catalog.pg_is_in_recovery()
       then (select received_tli::pg_catalog.text from pg_catalog.pg_stat_wal_receiver) end,
  case when pg_catalog.pg_is_in_recovery()
       then coalesce((select pid::pg_catalog.text from pg_catalog.pg_stat_wal_receiver), 'none') end`

const SERVER_IDENTITY = `pg_catalog.pg_postmaster_start_time()::pg_catalog.text,
  pg_catalog.host(pg_catalog.inet_server_addr()),
  pg_catalog.inet_server_port()::pg_catalog.text,
  pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.pg_postmaster_start_time())::pg_catalog.text`

/**
 * What does not change in the life of a connection: which cluster, which life of the server and since when, and at which address of
 * the server the connection ended (null on a Unix-domain socket). Behind a proxy the address is that of the server, not of the proxy.
 */
export const IDENTITY_QUERY: string = `select system_identifier::pg_catalog.text,
  ${SERVER_IDENTITY}
  from pg_catalog.pg_control_system()`

/** The same for a server whose control file this role may not read: its cluster stays unknown then. */
export const LESSER_IDENTITY_QUERY: string = `select null::pg_catalog.text,
  ${SERVER_IDENTITY}`

/** Which cluster, which life of the server, and which address a connection leads to; undefined where the rights are missing. */
export interface Identity {
  readonly systemId: string | undefined
  readonly incarnation: string | undefined
  /** `host:port` of the server itself, as it knows it; undefined over a Unix-domain socket. */
  readonly serverAddress: string | undefined
  /** When this life began, by this process's clock, and at the latest; undefined when the server does not show it. */
  readonly lifeBeganMs: Milliseconds | undefined
}

/** Of a server that tells nothing. */
export const NO_IDENTITY: Identity = Object.freeze({
  systemId: undefined,
  incarnation: undefined,
  serverAddress: undefined,
  lifeBeganMs: undefined,
})

/**
 * SQLSTATEs of a server that does not let this role read its WAL position: degrade to the role alone. An Aurora writer answers
 * 55000 to `pg_current_wal_lsn()`. On PostgreSQL itself it cannot come here, since each function is asked for where it is allowed.
 */
export const MISSING_RIGHTS: ReadonlySet<string> = new Set(['42501', '0A000', '42883', '55000'])

type Row = readonly (string | null)[]

/** Reads the row of `IDENTITY_QUERY`, which came at that time. */
export function readIdentity([systemId, incarnation, address, port, ageS]: Row, atMs: Milliseconds): Identity {
  const serverAddress = typeof address === 'string' && typeof port === 'string' ? `${address}:${port}` : undefined
  const ageMs = Number(ageS ?? NaN) * 1_000
  const lifeBeganMs = Number.isFinite(ageMs) ? ms(atMs - ageMs) : undefined
  return { systemId: systemId ?? undefined, incarnation: incarnation ?? undefined, serverAddress, lifeBeganMs }
}

/**
 * Reads the row of `ROLE_QUERY`, `POSITION_QUERY` or `ROLE_ONLY_QUERY`.
 * @throws {TypeError} the row is not one of theirs: something else than PostgreSQL answered.
 */
export function readRole(row: Row, identity: Identity): RoleAnswer {
  const [recovery, readOnly, lsn, timeline, reached, received, receiver] = row
  if (recovery !== 'true' && recovery !== 'false') throw new TypeError('The answer to the role query is not a role')
  return Object.freeze({
    inRecovery: recovery === 'true',
    readOnlyDefault: readOnly === 'on',
    timeline: numberOf(timeline),
    lsn: parseLsn(lsn),
    reachedTimeline: newerOf(numberOf(reached), numberOf(received)),
    receivedTimeline: numberOf(received),
    receiver: receiver === 'none' ? 'none' : numberOf(receiver),
    ...identity,
  })
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text)
}

function newerOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

/** `16/B374D848` as a number: the high and the low half, both hexadecimal (PostgreSQL documentation, 8.20 "pg_lsn"). */
export function parseLsn(text: string | null | undefined): bigint | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '')
  if (match === null) return undefined
  return (BigInt(`0x${match[1] ?? ''}`) << 32n) | BigInt(`0x${match[2] ?? ''}`)
}
