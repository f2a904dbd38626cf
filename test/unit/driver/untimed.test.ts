import { expect, test } from 'vitest'
import { poolerAdvice } from '../../../src/driver/pooler-advice.ts'
import { untimed } from '../../../src/driver/untimed.ts'

test.each([
  [{ timeout: undefined, options: undefined }, false],
  [{ timeout: false, options: '-c lock_timeout=5' }, false],
  [{ timeout: 0, options: null }, false],
  [{ timeout: 10, options: undefined }, true],
  [{ timeout: '10ms', options: undefined }, true],
  [{ timeout: undefined, options: '-c statement_timeout=5s' }, true],
])('after a login with %j a check frees itself of the time limit: %s', (login, frees) => {
  expect(untimed('select 1', login)).toBe(frees ? 'set local statement_timeout = 0; select 1' : 'select 1')
})

test('advice is given for what a pooler said, and not for a protocol that somebody broke', () => {
  expect(poolerAdvice(Object.assign(new Error(), { code: '08P01', severity: 'FATAL' }))).toContain('server_login_retry')
  expect(poolerAdvice(Object.assign(new Error(), { code: '08P01' }))).toBeUndefined()
  expect(poolerAdvice(Object.assign(new Error(), { code: '28P01', severity: 'FATAL' }))).toBeUndefined()
  expect(poolerAdvice(undefined)).toBeUndefined()
})
