import { chownSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BasePoolManager } from 'hasql'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { makeTlsCertificate } from '../../../src/testing/tls-certificate.ts'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { eventually } from '../../support/eventually.ts'
import { makeRevocationList } from '../../support/revocation-list.ts'
import type { DriverCase } from './driver-case.ts'
import { pgCase, postgresCase } from './driver-case.ts'

forbidEscapedErrors()

let cluster: PgCluster
let master: PgNode
let folder: string
beforeAll(async () => {
  cluster = await PgCluster.start({ replicas: 0, ssl: true })
  master = await cluster.master()
  folder = mkdtempSync(join(tmpdir(), 'hasql-renewal-'))
  // In its own folder, where the server may read what is given to it.
  const { certificate, key } = makeTlsCertificate()
  give('server.crt', certificate)
  give('server.key', key)
  await master.setting('ssl_cert_file', 'server.crt')
  await master.setting('ssl_key_file', 'server.key')
})
afterAll(async () => {
  await cluster.close()
  rmSync(folder, { recursive: true })
})

/** Replaces a file of the client's as renewals do: never half of it is there. */
const put = (name: string, text: string): void => {
  writeFileSync(join(folder, `${name}.new`), text, { mode: 0o600 })
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

/** Gives the server a file of its own. */
const give = (name: string, text: string): void => {
  const file = join(master.dataFolder, name)
  const { uid, gid } = statSync(master.dataFolder)
  writeFileSync(file, text, { mode: 0o600 })
  chownSync(file, uid, gid)
}

/** A server takes up its files a moment after it was told; who meets the old one meanwhile leaves the host alone for long. */
async function isServed(ca: string): Promise<boolean> {
  const ssl = { ca, checkServerIdentity: () => undefined }
  const client = new pg.Client({ host: master.host, port: master.port, user: 'nobody', database: 'app', ssl })
  client.on('error', () => undefined)
  const error = await client.connect().then(
    () => undefined,
    (cause: unknown) => cause,
  )
  await client.end().catch(() => undefined)
  // What is said after the handshake is about the role.
  return !(error instanceof Error && 'code' in error && !String(error.code).startsWith('28'))
}

async function endConnections(): Promise<void> {
  await master.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [cluster.user])
}

renews(pgCase)
renews(postgresCase)

function renews<C extends AsyncDisposable>(driver: DriverCase<C>): void {
  describe(`${driver.name}: what is renewed under load holds for the next connection`, () => {
    const open = (query: string): BasePoolManager<C, unknown> => {
      const files = query.replaceAll('=F/', `=${encodeURIComponent(folder)}/`)
      return driver.open(`${cluster.dsn}?sslmode=verify-ca&${files}`, {
        max: 2,
        refreshDelayMs: 50,
        acquireTimeoutMs: 500,
      })
    }
    const works = (db: BasePoolManager<C, unknown>): Promise<boolean> =>
      db
        .withMaster((connection) => driver.query(connection, 'select 1'))
        .then(
          () => true,
          () => false,
        )
    /** Two callers at work until it is disposed of. */
    const load = (db: BasePoolManager<C, unknown>): AsyncDisposable => {
      let isOver = false
      const working = [1, 2].map(async () => {
        while (!isOver) {
          await works(db)
          // Where every host refuses us an acquire fails at once: the loop must let others have their turn.
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
      })
      return {
        async [Symbol.asyncDispose]() {
          isOver = true
          await Promise.all(working)
        },
      }
    }

    test('the authority and the server’s certificate', async () => {
      const [old, next] = [makeTlsCertificate(), makeTlsCertificate()]
      give('server.crt', old.certificate)
      give('server.key', old.key)
      await master.query('select pg_reload_conf()')
      put('root.crt', old.certificate)
      await eventually('the first one is served', () => isServed(old.certificate))
      await using db = open('sslrootcert=F/root.crt')
      await eventually('it works', () => works(db))
      await using _load = load(db)
      put('root.crt', next.certificate)
      give('server.crt', next.certificate)
      give('server.key', next.key)
      await master.query('select pg_reload_conf()')
      await eventually('the new one is served', () => isServed(next.certificate))
      await endConnections()
      await eventually('it works with the new authority', () => works(db), 3_000)
    })

    test('the revocation list', async () => {
      const server = makeTlsCertificate()
      give('server.crt', server.certificate)
      give('server.key', server.key)
      await master.query('select pg_reload_conf()')
      put('root.crt', server.certificate)
      put('root.crl', makeRevocationList(server.certificate, server.key, false))
      await eventually('it is served', () => isServed(server.certificate))
      await using db = open('sslrootcert=F/root.crt&sslcrl=F/root.crl')
      await eventually('it works', () => works(db))
      await using _load = load(db)
      put('root.crl', makeRevocationList(server.certificate, server.key, true))
      await endConnections()
      await eventually('the host is refused', () => [...db.topology.hosts.values()][0]?.kind === 'rejected', 3_000)
      const [host] = db.topology.hosts.values()
      expect(host).toMatchObject({ cause: { code: 'CERT_REVOKED' } })
    })

    test('the client’s certificate and key, one after the other', async () => {
      const [server, old, next] = [makeTlsCertificate(), makeTlsCertificate(), makeTlsCertificate()]
      give('server.crt', server.certificate)
      give('server.key', server.key)
      give('clients.crt', old.certificate)
      const access = readFileSync(join(master.dataFolder, 'pg_hba.conf'), 'utf8')
      give('pg_hba.conf', `hostssl all ${cluster.user} all scram-sha-256 clientcert=verify-ca\n${access}`)
      await master.setting('ssl_ca_file', 'clients.crt')
      try {
        put('root.crt', server.certificate)
        put('client.crt', old.certificate)
        put('client.key', old.key)
        await eventually('it is served', () => isServed(server.certificate))
        await using db = open('sslrootcert=F/root.crt&sslcert=F/client.crt&sslkey=F/client.key')
        await eventually('it works', () => works(db))
        await using _load = load(db)
        put('client.crt', next.certificate)
        give('clients.crt', next.certificate)
        await master.query('select pg_reload_conf()')
        await new Promise((resolve) => setTimeout(resolve, 500))
        await endConnections()
        await eventually('the half-renewed pair is said', () => {
          const [host] = db.topology.hosts.values()
          return host?.kind === 'unreachable' && host.cause.message.includes('do not belong together')
        })
        put('client.key', next.key)
        await eventually('it works with the new pair', () => works(db), 3_000)
      } finally {
        give('pg_hba.conf', access)
        await master.query('select pg_reload_conf()')
      }
    })
  })
}
