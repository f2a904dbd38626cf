import { describe, expect, test } from 'vitest'

import { Dsn } from '../../../src/dsn/dsn.ts'
import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { isIpAddress } from '../../../src/dsn/ip-address.ts'
import { frozenHosts } from '../../../src/dsn/merge.ts'
import { parseDsn } from '../../../src/dsn/parse.ts'
import { HasqlError } from '../../../src/errors.ts'
import { parse, refusalOf } from '../../support/dsn/read.ts'

describe('a Dsn', () => {
  test('is frozen through and through', () => {
    const dsn = parse('postgresql://u:p@a,b/d')
    for (const part of [dsn, dsn.hosts, dsn.hosts[0], dsn.hosts[0].tls]) expect(Object.isFrozen(part)).toBe(true)
    const [socket] = parse('host=/s').hosts
    expect(Object.isFrozen(socket.tls)).toBe(true)
  })

  test('is what parseDsn gives back for itself', () => {
    const dsn = parse('host=h')
    expect(parse(dsn)).toBe(dsn)
    expect(parse([dsn])).toBe(dsn)
    expect(dsn).toBeInstanceOf(Dsn)
  })

  test('prints itself as a URI everywhere', () => {
    const dsn = parse('postgresql://u:p@h/d')
    expect([String(dsn), JSON.stringify(dsn), JSON.stringify({ dsn })]).toEqual([
      'postgresql://u:***@h:5432/d',
      '"postgresql://u:***@h:5432/d"',
      '{"dsn":"postgresql://u:***@h:5432/d"}',
    ])
  })
})

describe('a list', () => {
  const ids = (input: Parameters<typeof parse>[0]) => parse(input).hosts.map((host) => host.hostId)

  test('joins the hosts in order; a host twice counts once', () => {
    expect(ids(['host=a,b', 'postgresql://c:1', 'host=b,d'])).toEqual(['a:5432', 'b:5432', 'c:1', 'd:5432'])
    expect(ids([parse('host=a'), 'host=b'])).toEqual(['a:5432', 'b:5432'])
  })

  test('each host keeps its own password and TLS settings', () => {
    const dsn = parse(['host=a user=u password=pa sslmode=require', 'host=b user=u password=pb sslmode=disable'])
    expect(dsn.hosts.map((host) => [host.readPassword(), host.tls.mode])).toEqual([
      ['pa', 'require'],
      ['pb', 'disable'],
    ])
    expect(dsn.passwordIsGiven).toBe(true)
    expect(parse(['host=a', 'host=b password=p']).passwordIsGiven).toBe(true)
    expect(parse(['host=a', 'host=b']).passwordIsGiven).toBe(false)
  })

  test.each([
    ['user', 'host=a user=u dbname=d', 'host=b user=v dbname=d'],
    ['database', 'host=a dbname=c', 'host=b dbname=d'],
    ['targetSessionAttrs', 'host=a target_session_attrs=primary', 'host=b'],
    ['loadBalanceHosts', 'host=a', 'host=b load_balance_hosts=random'],
  ])('%s must be the same', (setting, first, second) => {
    const error = refusalOf([first, first, second])
    expect(error.reason).toBe('conflicting-list')
    expect(error.message).toContain(`${setting} of item 3`)
  })

  test('a host named twice must have the same settings', () => {
    expect(refusalOf(['host=a', 'host=a sslmode=require']).reason).toBe('conflicting-list')
    expect(ids(['host=a sslmode=require', 'host=a,b sslmode=require'])).toHaveLength(2)
  })

  test('is bounded and not empty', () => {
    const items = (count: number) => Array.from({ length: count }, (_, index) => `host=h${index}`)
    expect(ids(items(64))).toHaveLength(64)
    expect(refusalOf(items(65)).reason).toBe('too-many-hosts')
    expect(refusalOf(Array.from({ length: 65 }, () => 'host=h')).reason).toBe('too-many-hosts')
    const half = (name: string) => `host=${Array.from({ length: 33 }, (_, index) => `${name}${index}`).join(',')}`
    expect(refusalOf([half('a'), half('b')]).reason).toBe('too-many-hosts')
    expect(refusalOf([]).reason).toBe('empty-list')
    expect(() => frozenHosts([])).toThrow(DsnError)
  })

  test.each([[undefined], [null], [1], [{}], [[1]], [[undefined]], [[['host=a']]]])(
    '%j is no connection string',
    (input) => {
      expect(() => void Reflect.apply(parseDsn, undefined, [input])).toThrow(
        expect.objectContaining({ reason: 'not-a-string' }),
      )
    },
  )
})

describe('a DsnError', () => {
  test('is a HasqlError with a code, a reason and a place', () => {
    const error = refusalOf('postgresql://h:x')
    expect(error).toBeInstanceOf(HasqlError)
    expect(error).toMatchObject({
      name: 'DsnError',
      code: 'ERR_HASQL_DSN',
      reason: 'bad-port',
      position: 15,
      parameter: 'port',
    })
    expect(error.cause).toBeUndefined()
    expect(new DsnError('no-user', 'x')).toMatchObject({ position: undefined, parameter: undefined })
    expect(new DsnError('no-user', 'x').message).toBe('Bad connection string: x')
    expect(new DsnError('no-user', 'x', { position: 0 }).message).toBe('Bad connection string: x (at position 0)')
  })
})

test('a bad port in a URI hints at a password that was not encoded', () => {
  expect(refusalOf('postgresql://h:x').message).toContain('%3A')
  expect(refusalOf('host=h port=x').message).not.toContain('%3A')
})

describe('IP addresses', () => {
  test.each([
    '0.0.0.0',
    '255.255.255.255',
    '10.0.0.1',
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1::8',
    '::ffff:1.2.3.4',
  ])('%s is one', (text) => expect(isIpAddress(text)).toBe(true))
  test.each(['1:2:3:4:5:6:1.2.3.4', 'fe80::1%eth0', 'ABCD::ef01', '1:2:3:4:5:6:7::'])('%s is one', (text) =>
    expect(isIpAddress(text)).toBe(true),
  )
  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.a',
    '1.2.3.',
    'localhost',
    ':',
    ':::',
    '1:2',
    '::1::',
  ])('%j is none', (text) => expect(isIpAddress(text)).toBe(false))
  test.each([
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    '::1%',
    '::1%a%b',
    '1.2.3.4::',
    '::1.2.3',
    '::1%a b',
  ])('%j is none', (text) => expect(isIpAddress(text)).toBe(false))
})
