import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccessRefusedError, HostLostError } from 'hasql'
import type { BasePoolManager, ManagerOptions } from 'hasql'
import { PgCluster } from 'hasql/testing'
import { forbidEscapedErrors } from '../../support/escaped-errors.ts'
import { rejection } from '../../support/eventually.ts'
import { NameServer } from '../../support/name-server.ts'
import type { DriverCase } from './driver-case.ts'

/** Encrypted connections of a driver that gets the lookup of hasql; `direct`: whether it can start with the TLS handshake. */
export function tlsConformance<C extends AsyncDisposable>(driver: DriverCase<C>, direct = true): void {
  describe(`${driver.name} and TLS`, () => {
    forbidEscapedErrors()
    let cluster: PgCluster
    let folder: string
    let root: string
    beforeAll(async () => {
      cluster = await PgCluster.start({ replicas: 0, ssl: true })
      folder = await mkdtemp(join(tmpdir(), 'hasql-tls-'))
      writeFileSync(join(folder, 'root.crt'), cluster.caCertificate ?? '')
      root = `sslrootcert=${encodeURIComponent(join(folder, 'root.crt'))}`
    })
    afterAll(async () => {
      await cluster.close()
      await rm(folder, { recursive: true })
    })

    const open = (query: string, options: ManagerOptions = {}): BasePoolManager<C, unknown> =>
      driver.open(`${cluster.dsn}?${query}`, { max: 2, ...options })
    const asks = (db: BasePoolManager<C, unknown>): Promise<unknown> =>
      db.withMaster((connection) =>
        driver.query(connection, 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'),
      )

    const modes: readonly (readonly [query: string, ssl: boolean])[] = [
      ['', true],
      ['sslmode=prefer', true],
      ['sslmode=allow', false],
      ['sslmode=disable', false],
      ['sslmode=require', true],
      ['sslmode=require&sslnegotiation=direct', true],
    ]
    test.each(modes.filter(([query]) => direct || !query.includes('direct')))(
      '%s: encrypted is %s',
      async (query, ssl) => {
        await using db = open(query)
        expect(await asks(db)).toEqual([{ ssl }])
      },
    )

    test('verify-full and verify-ca take the right root certificate, and no other', async () => {
      for (const mode of ['verify-full', 'verify-ca']) {
        await using db = open(`sslmode=${mode}&${root}`)
        expect(await asks(db)).toEqual([{ ssl: true }])
      }
      await using db = open('sslmode=verify-full&sslrootcert=system')
      expect(await rejection(db.acquireMaster())).toBeInstanceOf(AccessRefusedError)
    })

    test('allow goes to TLS where the server refuses plain connections', async () => {
      const master = await cluster.master()
      const file = join(master.dataFolder, 'pg_hba.conf')
      const rules = readFileSync(file, 'utf8')
      writeFileSync(file, `hostnossl all ${cluster.user} all reject\n${rules}`)
      try {
        await master.query('select pg_reload_conf()')
        await using db = open('sslmode=allow')
        expect(await asks(db)).toEqual([{ ssl: true }])
      } finally {
        writeFileSync(file, rules)
        await master.query('select pg_reload_conf()')
      }
    })

    test('verify-full checks the name of the DSN, wherever the look-up leads', async () => {
      const names = new NameServer()
      for (const name of ['localhost', 'db.test']) names.set(name, ['127.0.0.9', '127.0.0.1'])
      const master = await cluster.master()
      const [place = '', rest = ''] = cluster.dsnOf(master).split(`${master.host}:${master.port}`)
      const named = (query: string): BasePoolManager<C, unknown> =>
        driver.open(`${place}${rest}?${query}&port=${master.port}&sslmode=verify-full&${root}`, {
          max: 1,
          lookup: names.lookup,
        })
      await using right = named('host=localhost')
      expect(await asks(right)).toEqual([{ ssl: true }])
      expect(names.asked('localhost')).toBeGreaterThanOrEqual(2)
      await using wrong = named('host=db.test')
      expect(String(await rejection(wrong.acquireMaster()))).toContain("Host: db.test. is not in the cert's altnames")
      await using known = named('host=localhost&hostaddr=127.0.0.1')
      expect(await asks(known)).toEqual([{ ssl: true }])
    })

    test('a frozen host’s encrypted connections are cut off too', async () => {
      await using db = open('sslmode=require', { refreshDelayMs: 100, refreshTimeoutMs: 200 })
      const lease = await db.acquireMaster()
      const working = rejection(driver.query(lease, 'select pg_sleep(30)'))
      const master = await cluster.master()
      await master.freeze()
      try {
        expect(await working).toBeInstanceOf(HostLostError)
      } finally {
        master.thaw()
      }
    })
  })
}
