import { describe, expect, test } from 'vitest'
import { classifyError, codeOf } from '../../../src/driver/classify-error.ts'
import { coded } from '../../support/scripted/coded.ts'

describe('an error of several parts, one for each address', () => {
  test.each([
    [['ECONNREFUSED', 'ETIMEDOUT'], 'down'],
    [['ETIMEDOUT', 'ECONNREFUSED'], 'down'],
    [['ECONNREFUSED', '57P03'], 'not-ready'],
    [['53300', 'ECONNREFUSED'], 'capacity'],
    [['57P03', '28P01', '53300'], 'access'],
    [['57P03', '53300'], 'not-ready'],
    [['23505', 'ETIMEDOUT'], 'silent'],
    [['23505'], undefined],
    [[], undefined],
  ])('%j counts as its worst part: %s', (codes, fault) => {
    expect(classifyError(new AggregateError(codes.map((code) => coded(code))), 'connect')).toBe(fault)
  })

  test('may hold another one', () => {
    const inner = new AggregateError([coded('57P03')])
    expect(classifyError(new AggregateError([coded('ECONNREFUSED'), inner]), 'connect')).toBe('not-ready')
  })

  test('loses to nothing on an established connection', () => {
    expect(classifyError(new AggregateError([coded('25006'), coded('57P01')]), 'session')).toBe('lost')
    expect(classifyError(new AggregateError([coded('25006')]), 'session')).toBe('role-doubted')
  })
})

describe('what is not an error with a code says nothing', () => {
  test.each([
    ['an error without a code', new Error('the server is down')],
    ['a text', 'ECONNREFUSED'],
    ['nothing', undefined],
    ['null', null],
    ['a number as code', { code: 57 }],
  ])('%s', (_what, thrown) => {
    expect([classifyError(thrown, 'connect'), classifyError(thrown, 'session')]).toEqual([undefined, undefined])
    expect(codeOf(thrown)).toBe(undefined)
  })

  test('the text of a message is never read', () => {
    expect(classifyError(coded('23505', 'ECONNREFUSED 57P01 28P01'), 'connect')).toBe(undefined)
  })
})
