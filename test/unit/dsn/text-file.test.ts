import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { defaultHost, homeFiles } from '../../../src/dsn/context.ts'
import { parseDsn } from '../../../src/dsn/parse.ts'
import { isPrivate, readPrivateTextFile, readTextFile } from '../../../src/dsn/text-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'dsn-'))
const path = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string, mode: number): string {
  // One that was made unwritable before could not be written again.
  rmSync(path(name), { force: true })
  writeFileSync(path(name), content)
  chmodSync(path(name), mode)
  return path(name)
}

describe('files', () => {
  test('that are there are read, others are undefined', () => {
    expect(readTextFile(write('plain', 'é\n', 0o644))).toBe('é\n')
    expect(readTextFile(path('missing'))).toBeUndefined()
    mkdirSync(path('folder'))
    expect(readTextFile(path('folder'))).toBeUndefined()
  })

  test('have a limit of 1 MiB', () => {
    expect(readTextFile(write('most', 'x'.repeat(1 << 20), 0o600))).toHaveLength(1 << 20)
    expect(readTextFile(write('more', 'x'.repeat((1 << 20) + 1), 0o600))).toBeUndefined()
  })

  test.skipIf(process.platform === 'win32').each([
    [0o600, true],
    [0o400, true],
    [0o700, true],
    [0o640, false],
    [0o604, false],
    [0o601, false],
    [0o610, false],
    [0o620, false],
    [0o602, false],
  ])('of mode %o are private: %s', (mode, expected) => {
    expect(isPrivate(mode)).toBe(expected)
    expect(readPrivateTextFile(write('secret', 'x', mode))).toBe(expected ? 'x' : undefined)
  })
})

describe('the process’s own world', () => {
  test('HOME has the password file, which must be private', () => {
    const environment = { HOME: folder }
    write('.pgpass', '*:*:*:*:pw', 0o600)
    expect(parseDsn('host=h', { environment }).hosts[0].readPassword()).toBe('pw')
    chmodSync(path('.pgpass'), 0o644)
    if (process.platform !== 'win32') {
      expect(parseDsn('host=h', { environment }).hosts[0].readPassword()).toBeUndefined()
    }
  })

  test('the user and the default host come from the system', () => {
    const dsn = parseDsn('', { environment: {} })
    expect(dsn.user).toBe(userInfo().username)
    expect(dsn.hosts[0].host).toMatch(/^\/tmp$|^\/var\/run\/postgresql$|^localhost$/)
  })

  test('process.env is the default environment', () => {
    process.env['PGAPPNAME'] = 'from the process'
    try {
      expect(parseDsn('host=h').hosts[0].applicationName).toBe('from the process')
    } finally {
      delete process.env['PGAPPNAME']
    }
  })

  test('readFile serves the password file too, unless that is given as well', () => {
    const readFile = () => '*:*:*:*:a'
    expect(parseDsn('host=h user=u', { environment: {}, readFile }).hosts[0].readPassword()).toBe('a')
    const readPrivateFile = () => '*:*:*:*:b'
    expect(parseDsn('host=h user=u', { environment: {}, readFile, readPrivateFile }).hosts[0].readPassword()).toBe('b')
  })

  test('the default host follows the platform', () => {
    expect(defaultHost('win32', () => true)).toBe('localhost')
    expect(defaultHost('linux', () => true)).toBe('/var/run/postgresql')
    expect(defaultHost('linux', () => false)).toBe('/tmp')
  })

  test('Windows has other names for the files', () => {
    expect(homeFiles('C:', 'win32').passwordFile).toMatch(/postgresql.pgpass\.conf$/)
    expect(homeFiles('/h', 'linux').passwordFile).toBe(join('/h', '.pgpass'))
    expect(homeFiles('/h', 'linux').certificateFolder).toBe(join('/h', '.postgresql'))
  })
})

describe('fileParameters: refuse', () => {
  const strict = { environment: {}, fileParameters: 'refuse', userName: 'u', homeFolder: '/none' } as const
  test.each(['sslrootcert', 'sslcert', 'sslkey', 'sslcrl', 'sslcrldir', 'sslkeylogfile', 'passfile', 'service'])(
    '%s in the string is an error',
    (name) => {
      expect(() => parseDsn(`host=h ${name}=/x/secret`, strict)).toThrow(
        expect.objectContaining({ reason: 'file-parameter-refused', parameter: name, position: 8 + name.length }),
      )
      expect(() => parseDsn(`host=h ${name}=''`, strict)).not.toThrow()
    },
  )

  test('system is no file, and the environment is trusted', () => {
    expect(parseDsn('host=h sslrootcert=system', strict).hosts[0].tls.mode).toBe('verify-full')
    const environment = { PGSSLROOTCERT: '/x' }
    expect(parseDsn('host=h', { ...strict, environment }).hosts[0].tls.rootCert).toBe('/x')
    expect(() => parseDsn('host=h sslcert=system', strict)).toThrow('sslcert names a file')
  })
})
