import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PoolManager } from 'hasql/pg-native'
import { classifyLibpqError } from '../../../../src/drivers/pg-native/classify.ts'
import { LibpqError } from '../../../../src/drivers/pg-native/libpq.ts'

// `npm run test:native` has the package; here it is not installed.
test('without the package pg-native it says what to install', () => {
  expect(() => new PoolManager('postgresql://app@db1/shop')).toThrow('npm install pg-native')
})

/** What the constructor throws in a process in which `pg` finds this for pg-native. */
function thrownWith(source: string, variables: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'hasql-native-'))
  try {
    mkdirSync(join(folder, 'pg-native'))
    writeFileSync(join(folder, 'pg-native', 'index.js'), source)
    const script = `import('hasql/pg-native').then(({ PoolManager }) => new PoolManager('postgresql://app@db1/shop'))
      .catch(({ code, message, cause }) => console.log(code, message, cause?.message))`
    const env = { ...process.env, ...variables, NODE_PATH: folder }
    return execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { env, encoding: 'utf8' })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('one that cannot be loaded, and one that takes the place of pg, are told apart', () => {
  const broken = thrownWith("throw new Error('Could not locate the bindings file')")
  expect(broken).toContain('ERR_HASQL_DRIVER_MISSING')
  expect(broken).toContain('npm rebuild libpq Could not locate the bindings file')
  const forced = thrownWith('module.exports = class {}; module.exports.version = "3.9.0"', {
    NODE_PG_FORCE_NATIVE: '1',
  })
  expect(forced).toContain('do not set NODE_PG_FORCE_NATIVE')
})

const AT = 'connection to server at "db1" (10.0.0.1), port 5432 failed: '

test.each([
  [`${AT}FATAL:  password authentication failed for user "app"`, 'capacity'],
  [`${AT}ВАЖНО:  слишком много соединений`, 'capacity'],
  [`${AT}Connection refused ${AT}FATAL:  the database system is starting up`, 'capacity'],
  ['FATAL:  sorry, too many clients already', 'capacity'],
  [`${AT}SSL error: certificate verify failed`, 'access'],
  [`${AT}server does not support SSL, but SSL was required`, 'access'],
  ['invalid connection option "sslnegotiation"', 'access'],
  [`${AT}timeout expired`, 'silent'],
  ['timeout expired', 'silent'],
  [`${AT}Connection refused Is the server running on that host and accepting TCP/IP connections?`, 'down'],
  [`${AT}server closed the connection unexpectedly This probably means the server terminated abnormally`, 'down'],
])('a failed connect: %s: %s', (text, fault) => {
  expect(classifyLibpqError(new LibpqError(text), 'connect')).toBe(fault)
})

test('what libpq says of an established connection means that it is lost; other errors have codes', () => {
  expect(classifyLibpqError(new LibpqError('server closed the connection unexpectedly'), 'session')).toBe('lost')
  expect(classifyLibpqError(new Error('timeout expired'), 'connect')).toBeUndefined()
})
