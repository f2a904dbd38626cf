import { describe, expect, test } from 'vitest'

import { findPassword } from '../../../src/dsn/password-file.ts'
import { files, parse } from '../../support/dsn/read.ts'

const key = { host: 'h', port: '5432', database: 'd', user: 'u' }

describe('lines of the password file', () => {
  test.each([
    ['h:5432:d:u:pw', 'pw'],
    ['*:*:*:*:pw', 'pw'],
    ['h:*:d:*:pw', 'pw'],
    ['h:5432:d:u:p\\:w', 'p:w'],
    ['h:5432:d:u:p\\\\w', 'p\\w'],
    ['h:5432:d:u:p\\w', 'pw'],
    ['h:5432:d:u:pw\\', 'pw\\'],
    ['h:5432:d:u:pw:rest', 'pw'],
    ['h:5432:d:u:pw \r', 'pw '],
    ['h:5432:d:u: pw', ' pw'],
    ['# h:5432:d:u:no\nh:5432:d:u:pw', 'pw'],
    ['\n\nh:5432:d:u:pw', 'pw'],
    ['g:5432:d:u:no\nh:5432:d:u:pw\nh:5432:d:u:late', 'pw'],
    ['\\h:5432:d:u:pw', 'pw'],
    ['h:5432:d:u:', undefined],
    ['h:5432:d:u:\nh:5432:d:u:late', undefined],
    ['h:5432:d:u', undefined],
    ['h', undefined],
    ['', undefined],
    ['H:5432:d:u:pw', undefined],
    ['hh:5432:d:u:pw', undefined],
    [':5432:d:u:pw', undefined],
    ['h:543:d:u:pw', undefined],
    ['**:5432:d:u:pw', undefined],
    ['\\*:5432:d:u:pw', undefined],
    ['h\\', undefined],
    [' h:5432:d:u:pw', undefined],
  ])('%j gives %j', (content, expected) => {
    expect(findPassword(content, key)).toBe(expected)
  })

  test('escapes in the fields to be matched', () => {
    expect(
      findPassword('\\:\\:1:5432:a\\\\b:u\\*:pw', { host: '::1', port: '5432', database: 'a\\b', user: 'u*' }),
    ).toBe('pw')
    expect(findPassword('::1:5432:d:u:pw', { ...key, host: '::1' })).toBeUndefined()
    expect(findPassword('*:*:*:*:pw', { host: '*', port: '1', database: '', user: '' })).toBe('pw')
  })
})

describe('readPassword', () => {
  const content = ['a:1:d:u:pa', 'b:*:d:u:pb', 'localhost:*:*:*:pl', '10.0.0.1:*:*:*:pi', '/s:*:*:*:ps'].join('\n')
  const home = { readPrivateFile: files({ '/home/os/.pgpass': content, '/x': '*:*:*:*:px', '/y': '*:*:*:*:py' }) }
  const passwords = (dsn: string, context: Parameters<typeof parse>[1] = home) =>
    parse(dsn, context).hosts.map((host) => host.readPassword())

  test('differs per host', () => {
    expect(passwords('postgresql://u@a:1,b:2,c:3/d')).toEqual(['pa', 'pb', undefined])
    expect(passwords('host=a,b port=1 dbname=other user=u')).toEqual([undefined, undefined])
  })

  test('the default socket is looked up as localhost, another one as its folder', () => {
    expect(passwords('')).toEqual(['pl'])
    expect(passwords('host=/tmp')).toEqual(['pl'])
    expect(passwords('host=/s')).toEqual(['ps'])
    expect(passwords('host=localhost')).toEqual(['pl'])
  })

  test('the host goes before its address', () => {
    expect(passwords('hostaddr=10.0.0.1')).toEqual(['pi'])
    expect(passwords('user=u dbname=d host=b hostaddr=10.0.0.1')).toEqual(['pb'])
    expect(passwords('user=u dbname=d host=/tmp hostaddr=10.0.0.1')).toEqual([undefined])
  })

  test('a given password goes before the file; an empty one does not', () => {
    expect(passwords('password=p host=localhost')).toEqual(['p'])
    expect(passwords("password='' host=localhost")).toEqual(['pl'])
    expect(passwords('host=localhost', { ...home, environment: { PGPASSWORD: 'e' } })).toEqual(['e'])
  })

  test('passfile goes before PGPASSFILE, and that before the home folder', () => {
    const environment = { PGPASSFILE: '/y' }
    expect(passwords('passfile=/x')).toEqual(['px'])
    expect(passwords('passfile=/x', { ...home, environment })).toEqual(['px'])
    expect(passwords('', { ...home, environment })).toEqual(['py'])
    expect(passwords("passfile=''", { ...home, environment })).toEqual(['pl'])
    expect(passwords('passfile=/missing')).toEqual([undefined])
  })

  test('the file is read anew at each call', () => {
    let now = '*:*:*:*:old'
    const [host] = parse('host=h', { readPrivateFile: () => now }).hosts
    expect(host.readPassword()).toBe('old')
    now = '*:*:*:*:new'
    expect(host.readPassword()).toBe('new')
  })
})
