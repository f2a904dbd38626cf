import { describe, expect, test } from 'vitest'
import { parseDsn } from 'hasql'
import type { HostSpec, SocketLookup } from 'hasql'
import { conninfoOf } from '../../../../src/drivers/pg-native/conninfo.ts'
import type { PgNativePoolOptions } from '../../../../src/drivers/pg-native/options.ts'

const FOUND = [
  { address: '10.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]
const lookup: SocketLookup = (_hostname, _options, callback) => callback(null, FOUND)

function specOf(dsn: string): HostSpec {
  return parseDsn(dsn, { environment: {} }).hosts[0]
}

const told = (
  dsn: string,
  given: PgNativePoolOptions = {},
  connection = { connectTimeoutMs: 3000, lookup },
): Promise<string> => conninfoOf(specOf(dsn), given, connection)

describe('what libpq is told', () => {
  test('everything that it would otherwise take from the environment', async () => {
    expect(await told("postgresql://o'neil:s\\e'c@db1:6432/shop?application_name=app&sslmode=require")).toBe(
      "host='db1,db1' hostaddr='10.0.0.1,::1' port='6432' user='o\\'neil' dbname='shop' password='s\\\\e\\'c'" +
        " sslmode='require' application_name='app' options='' client_encoding='UTF8' keepalives='1' connect_timeout='3'" +
        " target_session_attrs='any' gssencmode='disable'",
    )
  })

  test('a socket, and an address beside a name, are not looked up', async () => {
    expect(await told('postgresql:///shop?host=/run/pg&user=app')).toContain("host='/run/pg' hostaddr='' port='5432'")
    expect(await told('postgresql://app@/shop?host=db1&hostaddr=10.0.0.9')).toContain("host='db1' hostaddr='10.0.0.9'")
  })

  test('a name that cannot be looked up is an error of the connect', async () => {
    const fails: SocketLookup = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), [])
    await expect(
      told('postgresql://app@db1/shop', {}, { connectTimeoutMs: 3000, lookup: fails }),
    ).rejects.toMatchObject({ code: 'ENOTFOUND' })
    const one: SocketLookup = (_hostname, _options, callback) => callback(null, '10.0.0.7')
    expect(await told('postgresql://app@db1/shop', {}, { connectTimeoutMs: 3000, lookup: one })).toContain(
      "host='db1' hostaddr='10.0.0.7'",
    )
  })

  test('time limits in whole seconds, never less than two', async () => {
    for (const [connectTimeoutMs, seconds] of [
      [1, 2],
      [2000, 2],
      [2001, 3],
    ] as const) {
      expect(await told('postgresql://app@db1/shop', {}, { connectTimeoutMs, lookup })).toContain(
        `connect_timeout='${seconds}'`,
      )
    }
  })

  test('TLS as the DSN has it', async () => {
    const files = 'sslrootcert=/r.crt&sslcert=/c.crt&sslkey=/c.key&sslcrl=/r.crl&sslpassword=pass'
    const versions = 'ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3&sslsni=0&sslnegotiation=direct'
    expect(await told(`postgresql://app@db1/shop?sslmode=verify-full&${files}&${versions}`)).toContain(
      "sslmode='verify-full' sslnegotiation='direct' sslsni='0' sslrootcert='/r.crt' sslcert='/c.crt' sslkey='/c.key'" +
        " sslpassword='pass' sslcrl='/r.crl' ssl_min_protocol_version='TLSv1.2' ssl_max_protocol_version='TLSv1.3'",
    )
  })

  test('the settings of the pool, before those of the DSN', async () => {
    const dsn = 'postgresql://app:dsn@db1/shop?application_name=app&options=-c%20a.b%3D1&keepalives_idle=30'
    const own = { application_name: 'mine', options: '-c c.d=2', keepAliveInitialDelayMillis: 1500, password: 'own' }
    expect(await told(dsn)).toContain(
      "application_name='app' options='-c a.b=1' client_encoding='UTF8' keepalives='1' keepalives_idle='30'",
    )
    const text = await told(dsn, { ...own, statement_timeout: 500, lock_timeout: 0, keepAlive: false })
    expect(text).toContain("password='own'")
    expect(text).toContain("application_name='mine' options='-c c.d=2 -c statement_timeout=500'")
    expect(text).toContain("keepalives='0' keepalives_idle='2'")
  })

  test('the password of a function, which is told for whom', async () => {
    const asked: unknown[] = []
    const password = (...given: readonly unknown[]): Promise<string> => {
      asked.push(...given)
      return Promise.resolve('token')
    }
    expect(await told('postgresql://app@db1/shop', { password })).toContain("password='token'")
    expect(asked).toEqual([{ host: 'db1', port: 5432, user: 'app', database: 'shop' }])
    const odd = (): string => Reflect.get({}, 'nothing') as string
    await expect(told('postgresql://app@db1/shop', { password: odd })).rejects.toThrow('must return a string')
  })
})
