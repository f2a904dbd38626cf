import { describe, expect, test } from 'vitest'
import type { Lookup } from '../../../src/network/lookup.ts'
import { bookRig } from '../../support/book-rig.ts'
import { untyped } from '../../support/untyped.ts'

describe('what is no name is never looked up', () => {
  test.each(['127.0.0.1', '::1', 'fe80::1%eth0', '::ffff:10.0.0.1'])('%s', (address) => {
    const { resolver, connect } = bookRig()
    expect(connect(address).told()).toEqual([address])
    expect(resolver.asked).toEqual([])
  })
})

describe('a socket is answered as it asked', () => {
  const ask = (options: Parameters<ReturnType<typeof bookRig>['connect']>[1]) => {
    const { resolver, connect } = bookRig()
    const each = connect('db1', options)
    resolver.end('db1', ['::1', '10.0.0.1', '10.0.0.2'])
    return each.told()
  }

  test.each([
    [{ all: true }, ['::1', '10.0.0.1', '10.0.0.2']],
    [{}, ['::1 of family 6']],
    [{ all: false, family: 4 }, ['10.0.0.1 of family 4']],
    [{ all: true, family: 0 }, ['::1', '10.0.0.1', '10.0.0.2']],
    [{ all: true, family: 'IPv4' as const }, ['10.0.0.1', '10.0.0.2']],
    [{ all: true, family: 'IPv6' as const }, ['::1']],
    [{ all: true, family: 6 }, ['::1']],
  ])('%j', (options, told) => {
    expect(ask(options)).toEqual(told)
  })

  test('a family that the name has no address of is an error', () => {
    const { resolver, connect } = bookRig()
    const each = connect('db1', { all: true, family: 6 })
    resolver.end('db1', ['10.0.0.1'])
    expect(each.error()).toMatchObject({ code: 'ENOTFOUND', hostname: 'db1' })
  })
})

describe('a look-up of the caller’s own', () => {
  const told = (lookup: Lookup): unknown => bookRig(lookup).connect('db1').told()

  test('may call back at once, with one address or with a list', () => {
    expect(told((_name, _options, done) => done(null, '10.0.0.1', 4))).toEqual(['10.0.0.1'])
    expect(told((_name, _options, done) => done(null, [{ address: '::1', family: 6 }]))).toEqual(['::1'])
  })

  test('is asked for all addresses', () => {
    const asked: unknown[] = []
    told((name, options) => void asked.push(name, options))
    expect(asked).toEqual(['db1', { all: true }])
  })

  test('may throw, or fail with something that is no error', () => {
    const thrown = bookRig(() => {
      throw new Error('no registry')
    })
    expect(thrown.connect('db1').error()?.message).toBe('no registry')
    const text = bookRig((_name, _options, done) => done(untyped('no registry')))
    expect(text.connect('db1').error()?.message).toBe('no registry')
  })

  test.each([
    ['nothing', undefined],
    ['an empty list', []],
    ['a name', 'db1.internal'],
    ['no address', untyped([{ address: '10.0.0' }, { ip: '10.0.0.1' }, null, 7])],
    ['a number', untyped(7)],
  ])('that gives %s has failed', (_what, answer) => {
    const { connect } = bookRig((_name, _options, done) => done(null, answer))
    expect(connect('db1').error()).toMatchObject({
      code: 'ENOTFOUND',
      message: "The look-up of 'db1' gave no IP address",
    })
  })

  test('has its good addresses kept when there are bad ones among them', () => {
    const mixed = untyped([{ address: 'x' }, { address: '10.0.0.1', family: 9 }])
    expect(told((_name, _options, done) => done(null, mixed))).toEqual(['10.0.0.1'])
  })

  test('that throws after it called back has called back', () => {
    const { connect } = bookRig((_name, _options, done) => {
      done(null, '10.0.0.1')
      throw new Error('too late')
    })
    expect(connect('db1').told()).toEqual(['10.0.0.1'])
  })
})
