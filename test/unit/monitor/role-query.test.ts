import { describe, expect, test } from 'vitest'
import { ms } from '../../../src/time/milliseconds.ts'
import { NO_IDENTITY, parseLsn, readIdentity, readRole } from '../../../src/monitor/role-query.ts'

describe('the row of the role query', () => {
  test('of a master', () => {
    expect(readRole(['false', 'off', '16/B374D848', '3'], { ...NO_IDENTITY, systemId: '7', incarnation: 'x' })).toEqual(
      {
        inRecovery: false,
        readOnlyDefault: false,
        lsn: 0x16_b374_d848n,
        timeline: 3,
        systemId: '7',
        incarnation: 'x',
      },
    )
  })

  test('of a replica, which tells no timeline', () => {
    const role = readRole(['true', 'on', '0/1', null], NO_IDENTITY)
    expect(role).toMatchObject({ inRecovery: true, readOnlyDefault: true, lsn: 1n, timeline: undefined })
    expect(Object.isFrozen(role)).toBe(true)
  })

  test('of a server that keeps its WAL functions to itself', () => {
    expect(readRole(['true', 'off'], NO_IDENTITY)).toMatchObject({ lsn: undefined, timeline: undefined })
  })

  test.each([[[]], [['t', 'off']], [[null, 'off']], [['maybe']]])('%j is none', (row) => {
    expect(() => readRole(row, NO_IDENTITY)).toThrow(new TypeError('The answer to the role query is not a role'))
  })
})

test('the row of the identity query', () => {
  expect(readIdentity(['7000', '2026-01-01', '10.0.0.1', '5432', '2.5'], ms(10_000))).toEqual({
    systemId: '7000',
    incarnation: '2026-01-01',
    serverAddress: '10.0.0.1:5432',
    lifeBeganMs: 7_500,
  })
  expect(readIdentity([null], ms(10_000))).toEqual(NO_IDENTITY)
  expect(readIdentity([null, null, null, null, 'NaN'], ms(10_000))).toEqual(NO_IDENTITY)
})

test.each([
  ['0/0', 0n],
  ['0/16B3748', 0x16b3748n],
  ['1/0', 0x1_0000_0000n],
  ['FFFFFFFF/FFFFFFFF', 0xffff_ffff_ffff_ffffn],
  ['16/b374d848', 0x16_b374_d848n],
  ['16/123456789', undefined],
  ['16', undefined],
  ['/1', undefined],
  ['x/1', undefined],
  [' 0/1', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
])('the position %s is %s', (text, position) => {
  expect(parseLsn(text)).toBe(position)
})
