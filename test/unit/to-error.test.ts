import { connect, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { classifyError, codeOf } from '../../src/driver/classify-error.ts'
import { toError } from '../../src/to-error.ts'
import { coded } from '../support/scripted/coded.ts'

const refused = (address: string): Error => coded('ECONNREFUSED', `connect ECONNREFUSED ${address}:5432`)
const silent = (address: string): Error => coded('ETIMEDOUT', `connect ETIMEDOUT ${address}:5432`)

describe('what was thrown, as an error', () => {
  test('an error is itself', () => {
    const error = refused('::1')
    expect(toError(error)).toBe(error)
  })

  test.each([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [7, '7'],
  ])('%j becomes one', (thrown, message) => {
    expect(toError(thrown).message).toBe(message)
  })
})

describe('an error of several addresses', () => {
  test('lists every address with its code, has the code of the worst, and that part as its cause', () => {
    const [worst, mild] = [refused('127.0.0.1'), silent('10.0.0.7')]
    const error = toError(new AggregateError([mild, worst], ''))
    expect(error).not.toBeInstanceOf(AggregateError)
    expect(error.message).toBe(
      '2 addresses failed: connect ETIMEDOUT 10.0.0.7:5432; connect ECONNREFUSED 127.0.0.1:5432',
    )
    expect(codeOf(error)).toBe('ECONNREFUSED')
    expect(error.cause).toBe(worst)
  })

  test('of one address is that address’s error', () => {
    const only = refused('::1')
    expect(toError(new AggregateError([only], ''))).toBe(only)
  })

  test('of errors of several addresses lists them all on one level', () => {
    const inner = new AggregateError([refused('::1'), refused('127.0.0.1')], '')
    expect(toError(new AggregateError([inner, silent('10.0.0.7')], '')).message).toMatch(/^3 addresses failed: .*::1/)
  })

  test('keeps the message within bounds', () => {
    const { message } = toError(
      new AggregateError(Array.from({ length: 100 }, (_, index) => refused(`10.0.0.${index}`))),
    )
    expect(message).toMatch(/10\.0\.0\.7:5432; and 92 more$/)
  })

  test.each([
    ['', 'failed for no stated reason'],
    ['nothing worked', 'nothing worked'],
  ])('without any part keeps what it says: %j', (said, message) => {
    expect(toError(new AggregateError([], said)).message).toBe(message)
  })

  test('a part without a text is named by its code, or else by its kind; one that is no error is taken as a text', () => {
    const parts = [coded('EHOSTUNREACH', ''), new TypeError(''), 'nobody home']
    expect(toError(new AggregateError(parts)).message).toBe('3 addresses failed: EHOSTUNREACH; TypeError; nobody home')
  })

  test('without any code has none', () => {
    expect(toError(new AggregateError([new Error('a'), new Error('b')]))).not.toHaveProperty('code')
  })

  test('says of the host what the parts said of it', () => {
    const codes = fc.constantFrom(
      ...[
        'ETIMEDOUT',
        'ECONNREFUSED',
        'ENETUNREACH',
        'EHOSTUNREACH',
        'EADDRNOTAVAIL',
        'ENETDOWN',
        'EHOSTDOWN',
        'EACCES',
      ],
    )
    fc.assert(
      fc.property(fc.array(codes, { minLength: 1, maxLength: 6 }), (list) => {
        const aggregate = new AggregateError(list.map((code) => coded(code)))
        expect(classifyError(toError(aggregate), 'connect')).toBe(classifyError(aggregate, 'connect'))
      }),
    )
  })
})

test('Node’s own error of several addresses is one of them', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise((resolve) => server.close(resolve))
  const thrown = await new Promise<unknown>((resolve) => {
    const two = [
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.3', family: 4 },
    ]
    connect({ port, host: 'two.test', lookup: (_name, _options, done) => done(null, two) }).once('error', resolve)
  })
  expect(thrown).toBeInstanceOf(AggregateError)
  expect(thrown).toHaveProperty('message', '')
  expect(toError(thrown).message).toBe(
    `2 addresses failed: connect ECONNREFUSED 127.0.0.2:${port}; connect ECONNREFUSED 127.0.0.3:${port}`,
  )
})
