import { describe, expect, test } from 'vitest'

import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { nodeTlsOptions } from '../../../src/dsn/tls-options.ts'
import { files, parse } from '../../support/dsn/read.ts'

const FILES = files({
  '/ca': 'CA',
  '/cert': 'CERT',
  '/key': 'KEY',
  '/crl': 'CRL',
})
const HOME = files({
  '/home/os/.postgresql/root.crt': 'HOME CA',
  '/home/os/.postgresql/root.crl': 'HOME CRL',
  '/home/os/.postgresql/postgresql.crt': 'HOME CERT',
  '/home/os/.postgresql/postgresql.key': 'HOME KEY',
})
const NONE = files({})

const options = (dsn: string, readFile = NONE) => nodeTlsOptions(parse(dsn).hosts[0], readFile)

function failure(dsn: string, readFile = NONE): DsnError {
  try {
    options(dsn, readFile)
  } catch (error) {
    if (error instanceof DsnError) return error
  }
  throw new Error('no DsnError')
}

describe('sslmode', () => {
  test('disable wants no TLS', () => {
    expect(options('host=h sslmode=disable')).toBeUndefined()
  })

  test.each(['allow', 'prefer', 'require'])('%s without root certificates verifies nothing', (mode) => {
    expect(options(`host=h sslmode=${mode}`)).toEqual({ rejectUnauthorized: false, servername: 'h', host: 'h' })
  })

  test.each(['allow', 'prefer', 'require', 'verify-ca'])(
    '%s with a root certificate verifies the chain, not the name',
    (mode) => {
      const found = options(`host=h sslmode=${mode} sslrootcert=/ca`, FILES)
      expect(found).toMatchObject({ rejectUnauthorized: true, ca: 'CA', servername: 'h' })
      expect(found?.checkServerIdentity).toBeTypeOf('function')
      expect(found?.checkServerIdentity).not.toThrow()
    },
  )

  test('verify-full leaves the check of the name to Node.js', () => {
    expect(options('host=h sslmode=verify-full sslrootcert=/ca', FILES)).toEqual({
      rejectUnauthorized: true,
      ca: 'CA',
      servername: 'h',
      host: 'h',
    })
  })

  test('verify-full without root certificates trusts what Node.js trusts', () => {
    expect(options('host=h sslmode=verify-full')).toEqual({ rejectUnauthorized: true, servername: 'h', host: 'h' })
  })

  test('sslrootcert=system makes it verify-full, and reads no file of that name', () => {
    const seen: string[] = []
    const [host] = parse('host=h sslrootcert=system').hosts
    expect(host.tls.mode).toBe('verify-full')
    expect(host.tls.modeIsGiven).toBe(false)
    nodeTlsOptions(host, (path) => {
      seen.push(path)
      return undefined
    })
    expect(seen).not.toContain('system')
    expect(seen).not.toContain('/home/os/.postgresql/root.crt')
  })

  test('verify-ca needs root certificates', () => {
    expect(failure('host=h sslmode=verify-ca')).toMatchObject({ reason: 'unreadable-file', parameter: 'sslrootcert' })
  })

  test('the default root certificate serves require and up only', () => {
    expect(options('host=h sslmode=require', HOME)).toMatchObject({
      rejectUnauthorized: true,
      ca: 'HOME CA',
      crl: 'HOME CRL',
    })
    expect(options('host=h sslmode=verify-ca', HOME)).toMatchObject({ ca: 'HOME CA' })
    expect(options('host=h sslmode=verify-full', HOME)).toMatchObject({ ca: 'HOME CA' })
    expect(options('host=h sslmode=prefer', HOME)).toMatchObject({ rejectUnauthorized: false })
    expect(options('host=h sslmode=allow', HOME)).toMatchObject({ rejectUnauthorized: false })
    expect(options('host=h sslmode=prefer', HOME)).not.toHaveProperty('ca')
  })
})

describe('names and addresses', () => {
  test.each([
    ['host=h hostaddr=10.0.0.1', 'h', 'h'],
    ['host=10.0.0.1', undefined, '10.0.0.1'],
    ['host=::1', undefined, '::1'],
    ['hostaddr=10.0.0.1', undefined, '10.0.0.1'],
    ['host=h sslsni=0', undefined, 'h'],
    ['host=h sslsni=1', 'h', 'h'],
    ['host=/s hostaddr=10.0.0.1', undefined, '/s'],
    ['host=1.2.3.4.example', '1.2.3.4.example', '1.2.3.4.example'],
  ])('%s: server name %s, name to check %s', (dsn, servername, host) => {
    const found = options(`${dsn} sslmode=verify-full`)
    expect([found?.servername, found?.host]).toEqual([servername, host])
    expect(Object.keys(found ?? {}).includes('servername')).toBe(servername !== undefined)
  })

  test('a socket has no TLS, whatever is asked for', () => {
    const [socket] = parse('host=/s sslmode=verify-full').hosts
    expect(socket.tls).toMatchObject({ mode: 'disable', modeIsGiven: true })
    expect(nodeTlsOptions(socket, NONE)).toBeUndefined()
    expect(nodeTlsOptions({ ...socket, tls: { ...socket.tls, mode: 'require' } }, NONE)).toBeUndefined()
    expect(options('host=@s sslmode=require')).toBeUndefined()
  })
})

describe('certificates', () => {
  test('of the client, with the password of the key', () => {
    expect(options('host=h sslcert=/cert sslkey=/key sslpassword=kp', FILES)).toMatchObject({
      cert: 'CERT',
      key: 'KEY',
      passphrase: 'kp',
    })
    expect(options('host=h sslcert=/cert sslkey=/key', FILES)).not.toHaveProperty('passphrase')
    expect(options('host=h', HOME)).toMatchObject({ cert: 'HOME CERT', key: 'HOME KEY' })
    expect(options('host=h sslkey=/key', FILES)).not.toHaveProperty('key')
  })

  test('are not sent with sslcertmode=disable', () => {
    const found = options('host=h sslcertmode=disable sslcert=/cert sslkey=/key', (path) => FILES(path) ?? HOME(path))
    expect(found).not.toHaveProperty('cert')
    expect(found).not.toHaveProperty('key')
  })

  test('revocation lists are read where something is verified', () => {
    expect(options('host=h sslmode=require sslrootcert=/ca sslcrl=/crl', FILES)).toMatchObject({ crl: 'CRL' })
    expect(options('host=h sslmode=require sslcrl=/crl', FILES)).not.toHaveProperty('crl')
    expect(options('host=h sslmode=verify-full sslcrl=/crl', FILES)).toMatchObject({ crl: 'CRL' })
  })

  test.each([
    ['sslrootcert', 'sslmode=require sslrootcert=/pw1x'],
    ['sslrootcert', 'sslmode=verify-full sslrootcert=/pw1x'],
    ['sslcert', 'sslcert=/pw1x'],
    ['sslkey', 'sslcert=/cert sslkey=/pw1x'],
    ['sslkey', 'sslcert=/cert'],
    ['sslcrl', 'sslmode=verify-ca sslrootcert=/ca sslcrl=/pw1x'],
  ])('%s that is missing is an error that names it alone (%s)', (parameter, dsn) => {
    const error = failure(`host=h ${dsn} sslpassword=pw1x`, FILES)
    expect(error).toMatchObject({ reason: 'unreadable-file', parameter, code: 'ERR_HASQL_DSN', position: undefined })
    expect(error.message).toContain(parameter)
    expect(error.message).not.toContain('pw1x')
  })

  test('are read anew at each call', () => {
    let ca = 'old'
    const [host] = parse('host=h sslmode=verify-ca sslrootcert=/ca').hosts
    const read = (path: string) => (path === '/ca' ? ca : undefined)
    expect(nodeTlsOptions(host, read)?.ca).toBe('old')
    ca = 'new'
    expect(nodeTlsOptions(host, read)?.ca).toBe('new')
  })
})

describe('the rest', () => {
  test('versions, in any case of letters', () => {
    const found = options('host=h ssl_min_protocol_version=tlsv1.3 ssl_max_protocol_version=TLSv1.3')
    expect(found).toMatchObject({ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' })
    expect(options('host=h ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1')).toMatchObject({
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    })
    expect(options('host=h ssl_max_protocol_version=TLSv1.2')).toMatchObject({ maxVersion: 'TLSv1.2' })
    expect(options("host=h ssl_max_protocol_version=''")).not.toHaveProperty('maxVersion')
    expect(options("host=h ssl_min_protocol_version=''")).not.toHaveProperty('minVersion')
  })

  test('a version no one knows, in a spec made by hand, is left out', () => {
    const [host] = parse('host=h').hosts
    const found = nodeTlsOptions({ ...host, tls: { ...host.tls, minVersion: 'SSLv3', defaultFiles: undefined } }, NONE)
    expect(found).not.toHaveProperty('minVersion')
  })

  test('direct negotiation names the protocol', () => {
    expect(options('host=h sslmode=require sslnegotiation=direct')).toMatchObject({ ALPNProtocols: ['postgresql'] })
    expect(options('host=h sslmode=require')).not.toHaveProperty('ALPNProtocols')
    for (const mode of ['verify-ca', 'verify-full']) {
      expect(parse(`host=h sslmode=${mode} sslnegotiation=direct`).hosts[0].tls.negotiation).toBe('direct')
    }
  })

  test('the object is new and may be changed by a driver', () => {
    const [host] = parse('host=h sslmode=require').hosts
    expect(nodeTlsOptions(host)).not.toBe(nodeTlsOptions(host))
    expect(Object.isFrozen(nodeTlsOptions(host))).toBe(false)
  })

  test('without a home folder there are no default files', () => {
    expect(parse('host=h').hosts[0].tls.defaultFiles?.cert).toBe('/home/os/.postgresql/postgresql.crt')
    const [host] = parse('host=h', { homeFolder: '' }).hosts
    expect(host.tls.defaultFiles).toBeUndefined()
    expect(host.readPassword()).toBeUndefined()
    expect(nodeTlsOptions(host, HOME)).toEqual({ rejectUnauthorized: false, servername: 'h', host: 'h' })
  })
})
