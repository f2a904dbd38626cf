import { describe, expect, test } from 'vitest'
import { endsSession, retiresConnection } from '../../../src/driver/session-end.ts'
import { cannotTakeEffect, leavesNoTrace } from '../../../src/driver/statement-effect.ts'
import { coded } from '../../support/scripted/coded.ts'

describe('after a statement that ended outside a transaction', () => {
  test.each(['BEGIN', 'START TRANSACTION', 'ROLLBACK', 'SET', 'SHOW', 'RESET', 'PREPARE', 'DEALLOCATE', 'LISTEN'])(
    '%s nothing is left',
    (tag) => expect(leavesNoTrace(tag)).toBe(true),
  )

  test.each([
    'INSERT 0 1',
    'SELECT 1',
    'COMMIT',
    'COMMIT PREPARED',
    'ROLLBACK PREPARED',
    'PREPARE TRANSACTION',
    'CALL',
    'DO',
    'EXPLAIN',
    'COPY 3',
    'NOTIFY',
    'CREATE TABLE',
    '',
  ])('%s something may be left', (tag) => expect(leavesNoTrace(tag)).toBe(false))
})

describe('a statement that was never answered', () => {
  test.each([
    ['insert into t values (1)', true, false],
    ['select f()', true, false],
    ['update t set n = 1; delete from t', true, false],
    ['rollback', true, false],
    ['ROLLBACK WORK;', true, false],
    ['rollback to savepoint a', true, false],
    ['rollback; insert into t values (1)', false, false],
    ['commit', false, false],
    ['COMMIT', false, false],
    ['/* a comment */ commit', false, false],
    ['end', false, false],
    ['abort; insert into t values (1)', false, false],
    ["prepare transaction 'x'", false, false],
    ["select case when true then 'commit' end", false, false],
    ['begin', true, true],
    [' BEGIN isolation level serializable ; ', true, true],
    ['start transaction read write', true, true],
    ["set application_name = 'x'", true, true],
    ['show work_mem', true, true],
    ['begin; insert into t values (1)', true, false],
    ['set x = 1; insert into t values (1)', true, false],
    ['setval', true, false],
    ['/* x */ begin', true, false],
    ['', true, false],
  ])('%j: rolled back inside a transaction: %s, without effect outside: %s', (text, inside, outside) => {
    expect([cannotTakeEffect(text, true), cannotTakeEffect(text, false)]).toEqual([inside, outside])
  })
})

describe('what an error does to its connection', () => {
  test.each(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])('%s ends the session', (code) => {
    expect([endsSession(coded(code)), retiresConnection(coded(code), undefined)]).toEqual([true, true])
  })

  test.each(['FATAL', 'PANIC'])('any code of severity %s does', (severity) => {
    expect(endsSession(Object.assign(coded('12345'), { severity }))).toBe(true)
  })

  test.each(['ERROR', 'WARNING', 'ВАЖНО', undefined])('severity %s alone does not', (severity) => {
    expect(endsSession(Object.assign(coded('12345'), { severity }))).toBe(false)
  })

  test.each([undefined, null, 'FATAL', { severity: 1 }])('%s is no error of a server', (thrown) => {
    expect([endsSession(thrown), retiresConnection(thrown, undefined)]).toEqual([false, false])
  })

  test.each([
    ['lost', true],
    ['down', true],
    ['silent', true],
    ['not-ready', true],
    ['access', true],
    ['role-doubted', true],
    ['role-hint', false],
    ['capacity', false],
    ['unresolved', false],
    [undefined, false],
  ] as const)('fault %s retires the connection: %s', (fault, retires) => {
    expect(retiresConnection(coded('12345'), fault)).toBe(retires)
  })

  test('of a server’s own errors only those that may be in the session itself retire it', () => {
    const codes = ['XX000', 'XX001', 'XX002', '53100', '53200', '53400', '58030']
    expect(codes.map((code) => retiresConnection(coded(code), 'server-error'))).toEqual([
      ...[true, true, true],
      ...[false, false, false, false],
    ])
  })
})
