import { describe, expect, test } from 'vitest'

import { PARAMETERS } from '../../../src/dsn/parameters.ts'
import { QUIET_CONTEXT } from '../../support/dsn/quiet-context.ts'
import { parse, refusalOf } from '../../support/dsn/read.ts'

const environment = (variables: Record<string, string>) => ({ ...QUIET_CONTEXT, environment: variables })

describe('environment variables', () => {
  test('fill in what the string leaves open', () => {
    const dsn = parse('', {
      environment: {
        PGHOST: 'a,b',
        PGPORT: '6432',
        PGUSER: 'u',
        PGDATABASE: 'd',
        PGPASSWORD: 'p',
        PGAPPNAME: 'app',
        PGOPTIONS: '-c x=1',
        PGCONNECT_TIMEOUT: '3',
        PGSSLMODE: 'require',
        PGTARGETSESSIONATTRS: 'primary',
        PGLOADBALANCEHOSTS: 'random',
      },
    })
    expect(dsn.hosts.map((host) => host.hostId)).toEqual(['a:6432', 'b:6432'])
    expect([dsn.user, dsn.database, dsn.targetSessionAttrs, dsn.loadBalanceHosts]).toEqual([
      'u',
      'd',
      'primary',
      'random',
    ])
    expect(dsn.passwordIsGiven).toBe(true)
    expect(dsn.hosts[0]).toMatchObject({
      applicationName: 'app',
      serverOptions: '-c x=1',
      connectTimeoutMs: 3000,
      user: 'u',
      database: 'd',
      tls: { mode: 'require', modeIsGiven: true },
    })
    expect(dsn.hosts[1]?.readPassword()).toBe('p')
  })

  test('give way to the string, even to an empty value in it', () => {
    const variables = {
      PGUSER: 'env',
      PGHOST: 'env',
      PGPORT: '1',
      PGPASSWORD: 'env',
      PGDATABASE: 'env',
      PGAPPNAME: 'env',
    }
    const given = parse('postgresql://u:p@h:2/d?application_name=x', { environment: variables })
    expect(String(given)).toBe('postgresql://u:***@h:2/d')
    expect(given.hosts[0].readPassword()).toBe('p')
    expect(given.hosts[0].applicationName).toBe('x')
    const empty = parse("user='' host='' port='' password='' dbname='' application_name=''", { environment: variables })
    expect(String(empty)).toBe('postgresql://os@%2Ftmp:5432/os')
    expect(empty.hosts[0].readPassword()).toBeUndefined()
    expect(empty.hosts[0].applicationName).toBeUndefined()
  })

  test('the ports of a URI with several hosts hide PGPORT, as in libpq', () => {
    expect(parse('postgresql://a', { environment: { PGPORT: '7' } }).hosts[0].port).toBe(7)
    expect(parse('postgresql://a,b', { environment: { PGPORT: '7' } }).hosts[0].port).toBe(5432)
    expect(refusalOf('host=a,b', environment({ PGPORT: '1,2,3' })).message).toContain(
      '3 ports (from PGPORT) for 2 hosts',
    )
  })

  test('a URI with a user alone leaves the password to them', () => {
    const dsn = parse('postgresql://u@h', { environment: { PGPASSWORD: 'p', PGUSER: 'v' } })
    expect([dsn.user, dsn.hosts[0].readPassword()]).toEqual(['u', 'p'])
    expect(parse('postgresql://u:@h', { environment: { PGPASSWORD: 'p' } }).hosts[0].readPassword()).toBe('p')
  })

  test('an empty variable counts as unset', () => {
    const dsn = parse('host=h', { environment: { PGSSLMODE: '', PGSERVICE: '', PGTARGETSESSIONATTRS: '', PGPORT: '' } })
    expect(dsn.hosts[0].tls).toMatchObject({ mode: 'prefer', modeIsGiven: false })
  })

  test('PGREQUIRESSL counts while PGSSLMODE does not', () => {
    const mode = (dsn: string, variables: Record<string, string>) =>
      parse(dsn, { environment: variables }).hosts[0].tls.mode
    expect(mode('host=h', { PGREQUIRESSL: '1' })).toBe('require')
    expect(mode('host=h', { PGREQUIRESSL: '0' })).toBe('prefer')
    expect(mode('host=h', { PGREQUIRESSL: '1', PGSSLMODE: 'allow' })).toBe('allow')
    expect(mode('host=h sslmode=disable', { PGREQUIRESSL: '1' })).toBe('disable')
  })

  test('every parameter with a variable reads it, and an error names the variable', () => {
    const bad: Record<string, string> = { host: 'a/b', hostaddr: 'x', port: 'x', service: 'x' }
    const free = [
      'user',
      'password',
      'passfile',
      'dbname',
      'options',
      'application_name',
      'sslcert',
      'sslkey',
      'sslrootcert',
      'sslcrl',
    ]
    for (const [name, { variable }] of PARAMETERS) {
      if (variable === undefined || free.includes(name)) continue
      const error = refusalOf('', environment({ [variable]: bad[name] ?? 'nonsense' }))
      expect([name, error.parameter, error.position]).toEqual([name, name, undefined])
      if (name !== 'service') expect(error.message).toContain(name === 'sslcertmode' ? '' : variable)
    }
  })

  test('a fallback application name is used only when no other is given', () => {
    const name = (dsn: string) => parse(dsn).hosts[0].applicationName
    expect(name('fallback_application_name=f')).toBe('f')
    expect(name('fallback_application_name=f application_name=a')).toBe('a')
    expect(name("fallback_application_name=f application_name=''")).toBeUndefined()
    expect(name('')).toBeUndefined()
  })
})

describe('timeouts and keepalives', () => {
  test.each([
    ['connect_timeout=1', 1000],
    ["connect_timeout=' +2 '", 2000],
    ['connect_timeout=0', undefined],
    ['connect_timeout=-5', undefined],
    ['connect_timeout=-2147483648', undefined],
    ['connect_timeout=2147483647', 2_147_483_647],
    ['connect_timeout=2147483', 2_147_483_000],
    ['', undefined],
  ])('%s is %s ms', (text, expected) => {
    expect(parse(text).hosts[0].connectTimeoutMs).toBe(expected)
  })

  test('keepalives', () => {
    expect(parse('').hosts[0]).toMatchObject({ keepAlive: true, keepAliveIdleMs: undefined })
    expect(parse('keepalives=0 keepalives_idle=30').hosts[0]).toMatchObject({
      keepAlive: false,
      keepAliveIdleMs: 30_000,
    })
    expect(parse('keepalives=2 keepalives_idle=0').hosts[0]).toMatchObject({
      keepAlive: true,
      keepAliveIdleMs: undefined,
    })
  })
})

describe('the user', () => {
  test('is the operating system user by default, and somebody in any case', () => {
    expect(parse('dbname=d').user).toBe('os')
    const nobody = { ...QUIET_CONTEXT, userName: '' }
    expect(refusalOf('', nobody).reason).toBe('no-user')
    expect(parse('user=u', { userName: '' }).database).toBe('u')
  })
})
