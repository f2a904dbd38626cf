import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccessRefusedError, HostLostError, PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually, rejection } from '../../support/eventually.ts'
import { NameServer } from '../../support/name-server.ts'

forbidEscapedErrors()

let cluster: PgCluster
let folder: string
let rootCert: string

beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 0, ssl: true })
  folder = await mkdtemp(join(tmpdir(), 'hasql-tls-'))
  rootCert = join(folder, 'root.crt')
  writeFileSync(rootCert, cluster.caCertificate ?? '')
})
afterAll(async () => {
  await cluster.close()
  await rm(folder, { recursive: true })
})

const IS_ENCRYPTED = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'

async function isEncrypted(query: string): Promise<boolean> {
  await using db = new PoolManager(`${cluster.dsn}${query}`)
  const { rows } = await db.withMaster((connection) => connection.query<{ ssl: boolean }>(IS_ENCRYPTED))
  return rows[0]?.ssl ?? false
}

test.each([
  ['', true],
  ['?sslmode=prefer', true],
  ['?sslmode=allow', false],
  ['?sslmode=disable', false],
  ['?sslmode=require', true],
])('sslmode %s: encrypted is %s', async (query, encrypted) => {
  expect(await isEncrypted(query)).toBe(encrypted)
})

test('verify-full and verify-ca accept the right root certificate', async () => {
  expect(await isEncrypted(`?sslmode=verify-full&sslrootcert=${encodeURIComponent(rootCert)}`)).toBe(true)
  expect(await isEncrypted(`?sslmode=verify-ca&sslrootcert=${encodeURIComponent(rootCert)}`)).toBe(true)
})

test('a certificate that the trusted roots do not vouch for is refused', async () => {
  await using db = new PoolManager(`${cluster.dsn}?sslmode=verify-full&sslrootcert=system`)
  const error = await rejection(db.acquireMaster())
  expect(error).toBeInstanceOf(AccessRefusedError)
  expect(String(error)).toMatch(/certificate/)
})

test('a frozen host’s encrypted connections are cut off too', async () => {
  await using db = new PoolManager(`${cluster.dsn}?sslmode=require`, { refreshDelayMs: 100, refreshTimeoutMs: 200 })
  const lease = await db.acquireMaster()
  const query = rejection(lease.query('select pg_sleep(30)'))
  const master = await cluster.master()
  await master.freeze()
  try {
    expect(await query).toBeInstanceOf(HostLostError)
  } finally {
    master.thaw()
  }
})

test('the account of a lease is kept on an encrypted connection too', async () => {
  await using db = new PoolManager(`${cluster.dsn}?sslmode=require`)
  const master = await cluster.master()
  const outcomes: unknown[] = []
  for (const statements of [[], ['begin', 'select 1'], ['select 1']]) {
    const lease = await db.acquireMaster()
    for (const statement of statements) await lease.query(statement)
    await master.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${cluster.user}' and application_name !~ 'probe'`,
    )
    await eventually('the loss is seen', () => db.isConnectionClosed(lease))
    const error = await rejection(lease.query('select 1'))
    outcomes.push(error instanceof HostLostError ? error.outcome : error)
  }
  expect(outcomes).toEqual(['not-executed', 'not-executed', 'unknown'])
})

describe('verify-full checks the name of the DSN, wherever the look-up leads', () => {
  async function open(query: string): Promise<readonly [db: PoolManager, names: NameServer]> {
    const names = new NameServer()
    for (const name of ['localhost', 'db.test']) names.set(name, ['127.0.0.9', '127.0.0.1'])
    const master = await cluster.master()
    const [place = '', rest = ''] = cluster.dsnOf(master).split(`${master.host}:${master.port}`)
    const tls = `port=${master.port}&sslmode=verify-full&sslrootcert=${encodeURIComponent(rootCert)}`
    return [new PoolManager(`${place}${rest}?${query}&${tls}`, { lookup: names.lookup }), names]
  }

  test('the certificate’s own', async () => {
    const [db, names] = await open('host=localhost')
    await using closed = db
    const { rows } = await closed.withMaster((connection) => connection.query(IS_ENCRYPTED))
    expect(rows).toEqual([{ ssl: true }])
    expect(names.asked('localhost')).toBeGreaterThanOrEqual(2)
  })

  test('another one', async () => {
    const [db] = await open('host=db.test')
    await using closed = db
    const error = await rejection(closed.acquireMaster())
    expect(error).toBeInstanceOf(AccessRefusedError)
    expect(String(error)).toContain("Host: db.test. is not in the cert's altnames")
  })

  test('the certificate’s own with a hostaddr, which needs no look-up', async () => {
    const [db, names] = await open('host=localhost&hostaddr=127.0.0.1')
    await using closed = db
    const { rows } = await closed.withMaster((connection) => connection.query(IS_ENCRYPTED))
    expect(rows).toEqual([{ ssl: true }])
    expect(names.asked('localhost')).toBe(0)
  })
})
