import { describe, expect, test } from 'vitest'

import { files, parse, refusalOf } from '../../support/dsn/read.ts'

const FILE = `
# comment
[other]
host=other
broken line in another service
[prod]
  host=a,b
port=7
user=svc
password=svcpw1x
dbname=d

port=8
[prod]
host=late
`
const home = (content: string) => ({ readFile: files({ '/home/os/.pg_service.conf': content }) })

describe('a service', () => {
  test('stands between the string and the environment', () => {
    const context = { ...home(FILE), environment: { PGUSER: 'env', PGAPPNAME: 'env' } }
    const dsn = parse('service=prod dbname=mine', context)
    expect(String(dsn)).toBe('postgresql://svc:***@a:7,b:7/mine')
    expect(dsn.hosts[0].readPassword()).toBe('svcpw1x')
    expect(dsn.hosts[0].applicationName).toBe('env')
  })

  test('may be named in a URI or by PGSERVICE; the string wins', () => {
    expect(parse('postgresql:///?service=other', home('[other]\nhost=o')).hosts[0].host).toBe('o')
    const context = { ...home('[one]\nhost=1.1.1.1\n[two]\nhost=2.2.2.2'), environment: { PGSERVICE: 'one' } }
    expect(parse('', context).hosts[0].host).toBe('1.1.1.1')
    expect(parse('service=two', context).hosts[0].host).toBe('2.2.2.2')
    expect(parse("service=''", context).hosts[0].host).toBe('/tmp')
  })

  test('its ports follow the keyword/value rule, also under a URI', () => {
    expect(parse('postgresql://a,b,c?service=s', home('[s]\nhost=x')).hosts).toHaveLength(3)
    expect(refusalOf('service=s', home('[s]\nhost=a,b,c\nport=,7')).reason).toBe('port-count')
    expect(parse('service=s', home('[s]\nhost=a,b\nport=,7')).hosts.map((host) => host.port)).toEqual([5432, 7])
  })

  test('is looked for in PGSERVICEFILE instead of the home folder, then in PGSYSCONFDIR', () => {
    const readFile = files({
      '/x/svc': '[s]\nhost=named',
      '/home/os/.pg_service.conf': '[s]\nhost=home\n[t]\nhost=t',
      '/etc/pg/pg_service.conf': '[u]\nhost=system\n[s]\nhost=shadowed',
    })
    const variables = { PGSERVICEFILE: '/x/svc', PGSYSCONFDIR: '/etc/pg' }
    const host = (service: string, environment: Record<string, string>) =>
      parse(`service=${service}`, { readFile, environment }).hosts[0].host
    expect(host('s', variables)).toBe('named')
    expect(host('s', {})).toBe('home')
    expect(host('u', variables)).toBe('system')
    expect(host('u', { PGSYSCONFDIR: '/etc/pg' })).toBe('system')
    expect(refusalOf('service=t', { readFile, environment: variables }).reason).toBe('service-not-found')
  })

  test('values keep their inner spaces, equals signs and quotes', () => {
    const dsn = parse('service=s', home("[s]\r\npassword= a = 'b' \r\nhost=h\r\n"))
    expect(dsn.hosts[0].readPassword()).toBe(" a = 'b'")
  })

  test('an empty section is a service too', () => {
    expect(parse('service=s', home('[s]')).hosts).toHaveLength(1)
  })

  test.each([
    ['a service nobody defines', 'service=nope', FILE, 'service-not-found'],
    ['a name that is only the start of one', 'service=pro', FILE, 'service-not-found'],
    ['a line without an equals sign', 'service=other', FILE, 'bad-service-file'],
    ['a nested service', 'service=s', '[s]\nservice=t', 'bad-service-file'],
    ['an LDAP address', 'service=s', '[s]\nldap://x', 'bad-service-file'],
    ['an LDAP query', 'service=s', '[s]\nldap://x?y=z', 'bad-service-file'],
    ['an unknown parameter', 'service=s', '[s]\npw1x=1', 'bad-service-file'],
    ['a space before the equals sign', 'service=s', '[s]\nhost =h', 'bad-service-file'],
  ])('%s is an error', (_, dsn, content, reason) => {
    const error = refusalOf(dsn, home(content))
    expect(error.reason).toBe(reason)
    expect(error.message).not.toContain('pw1x')
  })

  test('an error gives the line, not its text', () => {
    expect(refusalOf('service=s', home('\n[s]\nhost=h\nbad')).message).toContain('line 4 of the service file')
    const error = refusalOf('service=s', home('[s]\nsslmode=pw1x'))
    expect(error.message).toContain('sslmode (from the service file)')
    expect(error.message).not.toContain('pw1x')
  })

  test('a named service file must exist, the others need not', () => {
    expect(refusalOf('service=s', { environment: { PGSERVICEFILE: '/x' } }).reason).toBe('unreadable-file')
    expect(refusalOf('service=s', { environment: {} }).reason).toBe('service-not-found')
    expect(refusalOf('service=s', { environment: { PGSYSCONFDIR: '/x' } }).reason).toBe('service-not-found')
    expect(refusalOf('service=s', { homeFolder: '' }).reason).toBe('service-not-found')
  })
})
