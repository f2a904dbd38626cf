import { Client } from 'pg'
import { CREATE_WRITES } from '../../chaos/frame/workload.ts'
import { APP_PASSWORD, APP_USER, DATABASE, SUPERUSER, SUPERUSER_PASSWORD } from './stack.ts'

/** A server as the superuser reaches it: on 127.0.0.1, past everything in front of it. */
export interface Door {
  readonly port: number
}

/** Runs one statement directly on a server; what does not answer in time rejects. */
export async function ask<R extends object>(
  { port }: Door,
  sql: string,
  { values = [], timeoutMs = 2_000, database = DATABASE }: AskOptions = {},
): Promise<readonly R[]> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: SUPERUSER,
    password: SUPERUSER_PASSWORD,
    database,
    application_name: 'stacks',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<R>(sql, [...values])).rows
  } finally {
    // A frozen server never answers a goodbye.
    void client.end().catch(() => undefined)
    client.connection.stream.destroy()
  }
}

export interface AskOptions {
  readonly values?: readonly unknown[]
  readonly timeoutMs?: number
  readonly database?: string
}

/** The timeline of a server: of the WAL it writes, receives or has last replayed. */
export const TIMELINE_SQL = `select case when pg_is_in_recovery()
  then coalesce((select received_tli from pg_stat_wal_receiver), (select min_recovery_end_timeline from pg_control_recovery()))
  else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline`

/** What the application and the oracle need on the leader of a new stack. */
export async function createDatabase(leader: Door): Promise<void> {
  const inMaintenance = { database: 'postgres', timeoutMs: 20_000 }
  const roles = await ask(leader, 'select from pg_roles where rolname = $1', { ...inMaintenance, values: [APP_USER] })
  if (roles.length === 0) await ask(leader, `create role ${APP_USER} login password '${APP_PASSWORD}'`, inMaintenance)
  const known = await ask(leader, 'select from pg_database where datname = $1', {
    ...inMaintenance,
    values: [DATABASE],
  })
  if (known.length === 0) await ask(leader, `create database ${DATABASE}`, inMaintenance)
  const patient = { timeoutMs: 20_000 }
  await ask(leader, 'create table if not exists oracle (at timestamptz not null)', patient)
  await ask(leader, CREATE_WRITES.replace('create table', 'create table if not exists'), patient)
  await ask(leader, `grant all on writes to ${APP_USER}`, patient)
}
