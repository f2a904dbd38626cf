import { describe, expect, test } from 'vitest'
import { LookupTimeoutError } from '../../../src/network/lookup-timeout-error.ts'
import { bookRig } from '../../support/book-rig.ts'

const GONE = { code: 'ENOTFOUND' }

describe('one look-up for each name', () => {
  test('connects that come meanwhile share it, and the next one asks anew', () => {
    const { resolver, connect } = bookRig()
    const [first, second] = [connect('db1'), connect('db1')]
    expect([first.told(), second.told(), resolver.asked]).toEqual([undefined, undefined, ['db1']])
    resolver.end('db1', ['10.0.0.1', '::1'])
    expect([first.told(), second.told()]).toEqual([
      ['10.0.0.1', '::1'],
      ['10.0.0.1', '::1'],
    ])
    const third = connect('db1')
    expect(resolver.asked).toEqual(['db1', 'db1'])
    resolver.end('db1', ['10.0.0.9'])
    expect(third.told()).toEqual(['10.0.0.9'])
  })

  test('until it really ends: a look-up that hangs for an hour is the only one of its name', async () => {
    const { clock, resolver, connect } = bookRig()
    for (let count = 0; count < 60; count += 1) {
      const each = connect('db1')
      await clock.advance(60_000)
      expect(each.told()).toBe('ERR_HASQL_LOOKUP_TIMEOUT')
    }
    expect(resolver.asked).toEqual(['db1'])
    const last = connect('db1')
    resolver.end('db1', ['10.0.0.1'])
    expect(last.told()).toEqual(['10.0.0.1'])
    connect('db1')
    expect(resolver.asked).toEqual(['db1', 'db1'])
  })

  test('ends once, whatever a look-up does afterwards', () => {
    const { resolver, connect } = bookRig()
    const first = connect('db1')
    const done = resolver.take('db1')
    done(null, [{ address: '10.0.0.1', family: 4 }])
    done(new Error('after all not'))
    const second = connect('db1')
    done(null, [{ address: '10.0.0.2', family: 4 }])
    expect([first.told(), second.told()]).toEqual([['10.0.0.1'], undefined])
    resolver.end('db1', ['10.0.0.3'])
    expect(second.told()).toEqual(['10.0.0.3'])
  })
})

describe('one look-up at a time', () => {
  test('the other names wait in the order in which they came', () => {
    const { resolver, connect } = bookRig()
    for (const name of ['db1', 'db2', 'db3', 'db2']) connect(name)
    expect(resolver.open).toEqual(['db1'])
    resolver.end('db1', ['10.0.0.1'])
    expect(resolver.open).toEqual(['db2'])
    resolver.end('db2', GONE)
    expect(resolver.open).toEqual(['db3'])
    expect(resolver.asked).toEqual(['db1', 'db2', 'db3'])
  })

  test('one that takes longer than 2 s gives its place to the next, and keeps its own answer', async () => {
    const { clock, resolver, connect } = bookRig()
    const [dead, fine, third] = [connect('dead'), connect('fine'), connect('third')]
    await clock.advance(1_999)
    expect(resolver.open).toEqual(['dead'])
    await clock.advance(1)
    expect(resolver.open).toEqual(['dead', 'fine'])
    resolver.end('dead', ['10.0.0.6'])
    expect(dead.told()).toEqual(['10.0.0.6'])
    expect(resolver.open).toEqual(['fine'])
    resolver.end('fine', ['10.0.0.7'])
    expect([fine.told(), resolver.open]).toEqual([['10.0.0.7'], ['third']])
    expect(third.told()).toBe(undefined)
  })

  test('several stuck ones do not stop the rest', async () => {
    const { clock, resolver, connect } = bookRig()
    for (const name of ['dead1', 'dead2', 'fine']) connect(name)
    await clock.advance(4_000)
    expect(resolver.open).toEqual(['dead1', 'dead2', 'fine'])
  })

  test('a name is looked up even if those who asked for it have left: the next one profits', async () => {
    const { clock, resolver, connect, know } = bookRig()
    know('db2', '10.0.0.2')
    connect('db1')
    const early = connect('db2')
    await clock.advance(250)
    expect(early.told()).toEqual(['10.0.0.2'])
    resolver.end('db1', ['10.0.0.1'])
    resolver.end('db2', ['10.0.0.22'])
    const later = connect('db2')
    resolver.end('db2', GONE)
    expect(later.told()).toEqual(['10.0.0.22'])
  })
})

describe('the addresses last known', () => {
  test.each(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENOMEM'])('serve when the look-up fails with %s', (code) => {
    const { resolver, connect, know } = bookRig()
    know('db1', '10.0.0.1', '10.0.0.2')
    const next = connect('db1')
    resolver.end('db1', { code })
    expect(next.told()).toEqual(['10.0.0.1', '10.0.0.2'])
  })

  test('serve after 250 ms when it does not end, and are replaced when it does', async () => {
    const { clock, resolver, connect, know } = bookRig()
    know('db1', '10.0.0.1')
    const next = connect('db1')
    await clock.advance(249)
    expect(next.told()).toBe(undefined)
    await clock.advance(1)
    expect(next.told()).toEqual(['10.0.0.1'])
    resolver.end('db1', ['10.0.0.5'])
    const afterwards = connect('db1')
    resolver.end('db1', GONE)
    expect(afterwards.told()).toEqual(['10.0.0.5'])
  })

  test('serve after 250 ms behind the look-up of another name', async () => {
    const { clock, resolver, connect, know } = bookRig()
    know('db1', '10.0.0.1')
    connect('dead')
    const next = connect('db1')
    await clock.advance(250)
    expect([next.told(), resolver.open]).toEqual([['10.0.0.1'], ['dead']])
  })

  test('are those of one name alone', () => {
    const { resolver, connect, know } = bookRig()
    know('db1', '10.0.0.1')
    const other = connect('db2')
    resolver.end('db2', GONE)
    expect(other.told()).toBe('ENOTFOUND')
  })

  test('cannot be changed by a socket', () => {
    const { resolver, book, connect, know } = bookRig()
    know('db1', '10.0.0.1')
    book.lookup('db1', { all: true }, (_error, addresses) => {
      if (typeof addresses !== 'string') addresses.length = 0
    })
    resolver.end('db1', ['10.0.0.2'])
    const next = connect('db1')
    resolver.end('db1', GONE)
    expect(next.told()).toEqual(['10.0.0.2'])
  })
})

describe('a name that was never known', () => {
  test('fails with the look-up’s own error, at once and for all who wait', () => {
    const { resolver, connect } = bookRig()
    const both = [connect('db1'), connect('db1')]
    resolver.end('db1', GONE)
    expect(both.map(({ error }) => error()?.message)).toEqual(Array(2).fill('getaddrinfo ENOTFOUND db1'))
  })

  test('fails at the connect’s deadline with an error that says who is to blame', async () => {
    const { clock, connect } = bookRig()
    const each = connect('db1')
    await clock.advance(2_699)
    expect(each.told()).toBe(undefined)
    await clock.advance(1)
    expect(each.error()).toBeInstanceOf(LookupTimeoutError)
    expect(each.error()).toMatchObject({
      code: 'ERR_HASQL_LOOKUP_TIMEOUT',
      hostname: 'db1',
      behind: undefined,
      message: "The resolver gave no address for 'db1' within 2700 ms, and none is known from before",
    })
  })

  test('says behind which name it waited', async () => {
    const { clock, connect } = bookRig()
    connect('dead1')
    await clock.advance(1_999)
    for (const name of ['dead2', 'dead3', 'db1']) connect(name)
    const last = connect('db1')
    await clock.advance(2_700)
    expect(last.error()).toMatchObject({ hostname: 'db1', behind: 'dead3' })
    expect(last.error()?.message).toContain(", waiting behind the look-up of 'dead3', and")
  })

  test('is behind no other once its own look-up is under way', async () => {
    const { clock, resolver, connect } = bookRig()
    connect('dead')
    const each = connect('db1')
    await clock.advance(2_700)
    expect(resolver.open).toEqual(['dead', 'db1'])
    expect(each.error()).toMatchObject({ hostname: 'db1', behind: undefined })
  })

  test('law 13: an answer that lies unread after a stall counts, though the deadline fired first', async () => {
    const { clock, resolver, connect } = bookRig()
    const each = connect('db1')
    clock.arrive(() => resolver.end('db1', ['10.0.0.1']))
    await clock.stall(10_000)
    expect(each.told()).toEqual(['10.0.0.1'])
  })
})

describe('closing', () => {
  test('refuses those who wait, drops what still comes, and leaves no timer', async () => {
    const { clock, resolver, book, connect, know } = bookRig()
    know('db3', '10.0.0.3')
    const waiting = [connect('db1'), connect('db2'), connect('db3')]
    book.close()
    expect(waiting.map(({ told }) => told())).toEqual(Array(3).fill('ERR_HASQL_CLOSED'))
    expect(waiting[1]?.error()?.message).toContain("Cannot look up 'db2'")
    expect(clock.openTimers).toBe(0)
    resolver.end('db1', ['10.0.0.1'])
    await clock.advance(10_000)
    expect([resolver.asked, clock.openTimers]).toEqual([['db3', 'db1'], 0])
  })

  test('after a look-up got stuck, and twice', async () => {
    const { clock, resolver, book, connect } = bookRig()
    connect('db1')
    await clock.advance(2_000)
    connect('db2')
    book.close()
    book.close()
    resolver.end('db1', GONE)
    expect([clock.openTimers, connect('db1').told(), resolver.asked]).toEqual([0, 'ERR_HASQL_CLOSED', ['db1', 'db2']])
  })

  test('no timer of it holds the process', () => {
    const { clock, connect } = bookRig()
    connect('db1')
    expect([clock.openTimers, clock.holdingTimers]).toEqual([1, 0])
  })
})
