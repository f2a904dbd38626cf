import { describe, expect, test } from 'vitest'
import { AcquireTimeoutError } from 'hasql'
import type { ManagerOptions } from 'hasql'
import { PoolManager as PgManager } from 'hasql/pg'
import { PoolManager as PostgresManager } from 'hasql/postgres'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import type { WireAnswer } from '../../support/wire/wire-server.ts'
import { WireServer } from '../../support/wire/wire-server.ts'

forbidEscapedErrors()

/** All that `pg` sends of a caller's settings when it logs in. */
const SETTINGS = { statement_timeout: 5_000, lock_timeout: 4_000, idle_in_transaction_session_timeout: 3_000 }

type Open = (dsn: string, options?: ManagerOptions) => PgManager | PostgresManager
const drivers: Readonly<Record<string, Open>> = {
  pg: (dsn, options) =>
    new PgManager(dsn, { ...options, poolOptions: { max: 2, ...SETTINGS, application_name: 'app', query_timeout: 1 } }),
  postgres: (dsn, options) =>
    new PostgresManager(dsn, {
      ...options,
      poolOptions: { max: 2, connection: { ...SETTINGS, application_name: 'app' } },
    }),
}

function master(sql: string): WireAnswer {
  if (sql.includes('system_identifier')) return ['7', '2026-01-01', '10.0.0.1', '5432']
  return sql.includes('pg_is_in_recovery') ? ['false', 'off', '0/100', '1', null, null, null] : 'nothing'
}

describe.each(Object.entries(drivers))('%s', (_name, open) => {
  test('a probe logs in with the startup parameters of the pool', async () => {
    await using server = await WireServer.start({ answer: master })
    const options = encodeURIComponent('-c search_path=app')
    await using db = open(`postgresql://u@${server.host}/d?options=${options}`)
    await db.ready()
    await (await db.acquireMaster())[Symbol.asyncDispose]()
    const sent = server.logins.map((login) => ({ ...Object.fromEntries(login) }))
    const [probe, ...others] = sent
    expect(probe).toMatchObject({ statement_timeout: '5000', lock_timeout: '4000', options: '-c search_path=app' })
    expect(probe?.['application_name']).toBe('app probe')
    expect(others.length).toBeGreaterThan(0)
    for (const login of others) expect({ ...login, application_name: 'app probe' }).toEqual(probe)
  })

  test('a pooler that does not know a parameter of the pool keeps the host out, with its text and advice', async () => {
    let isIgnored = false
    const login = (parameters: ReadonlyMap<string, string>) =>
      parameters.has('statement_timeout') && !isIgnored
        ? { code: '08P01', message: 'unsupported startup parameter: statement_timeout' }
        : undefined
    await using server = await WireServer.start({ login, answer: master })
    await using db = open(`postgresql://u@${server.host}/d`, { refreshDelayMs: 50 })
    const error = await rejection(db.acquireMaster({ timeoutMs: 500 }))
    expect(error).toBeInstanceOf(AcquireTimeoutError)
    expect(String(error)).toContain('unsupported startup parameter: statement_timeout')
    expect(String(error)).toContain('ignore_startup_parameters')
    expect(String(error)).toContain('server_login_retry')
    // At the usual rate, not the quiet one of a password that is wrong.
    expect(server.logins.length).toBeGreaterThan(1)
    isIgnored = true
    await eventually('it is up once the pooler lets the parameter pass', () => db.masterPoolCount === 1, 2_000)
  })

  test('time limits of the caller’s queries do not end a check', async () => {
    await using cluster = await PgCluster.start({ replicas: 0 })
    const one = await cluster.master()
    await one.query('alter role app set statement_timeout = 1')
    const dsn = `${cluster.dsn}?options=${encodeURIComponent('-c statement_timeout=1')}`
    await using db = open(dsn)
    await db.ready()
    for (let round = 0; round < 3; round += 1) await db.waitNextPoolCheck()
    expect(db.masterPoolCount).toBe(1)
    expect(one.log()).not.toContain('SET LOCAL can only be used')
  })
})
