import { PassThrough } from 'node:stream'
import pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import { guardParser } from '../../../../src/drivers/pg/guard-parser.ts'

let connection: pg.Connection
let stream: PassThrough
let violations: Error[]
let witnessed: string[]

beforeEach(() => {
  stream = new PassThrough()
  violations = []
  witnessed = []
  connection = new pg.Connection({ stream: () => stream })
  guardParser(connection, witness)
  const attach: unknown = Reflect.get(connection, 'attachListeners')
  if (typeof attach === 'function') Reflect.apply(attach, connection, [stream])
})

const witness = {
  completed: (tag: string): void => void witnessed.push(`completed ${tag}`),
  ready: (status: string): void => void witnessed.push(`ready ${status}`),
  wrote: (): void => void witnessed.push('wrote'),
  violated: (error: Error): void => void violations.push(error),
}

/** A message of the protocol: its letter, the length it says it has, its bytes. */
function message(letter: string, length: number, ...body: readonly number[]): Buffer {
  const head = Buffer.alloc(5)
  head.write(letter, 'latin1')
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

describe('law 14: an error on the wire is never the process’s end:', () => {
  test.each([
    ['an empty authentication request', message('R', 4)],
    ['an authentication request of no known kind', message('R', 8, 0, 0, 0x27, 0x0f)],
    ['a row that is longer than its message', message('D', 10, 0, 9, 0x7f, 0xff, 0xff, 0xff)],
    ['a description of columns that are not there', message('T', 6, 0xff, 0xff)],
  ])('%s', (_kind, bytes) => {
    expect(() => stream.emit('data', bytes)).not.toThrow()
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatchObject({ code: '08P01' })
    expect(violations[0]?.cause).toBeInstanceOf(Error)
  })
})

test('what is in order passes as it did', () => {
  const heard: unknown[] = []
  connection.on('readyForQuery', (ready) => heard.push(ready))
  stream.emit('data', message('Z', 5, 'T'.charCodeAt(0)))
  stream.emit('data', message('C', 4 + 6, ...Buffer.from('BEGIN\0')))
  expect(heard).toMatchObject([{ status: 'T' }])
  expect(witnessed).toEqual(['ready T', 'completed BEGIN'])
  expect(violations).toEqual([])
})

test('whatever is written is seen, and arrives as it was', async () => {
  const callback = new Promise<void>((resolve) => void stream.write('61', 'hex', () => resolve()))
  stream.write(Buffer.from('b'))
  await callback
  expect(witnessed).toEqual(['wrote', 'wrote'])
})

test('what a listener of the application throws is its own', () => {
  const bug = new Error('bug')
  connection.on('readyForQuery', () => {
    throw bug
  })
  expect(() => stream.emit('data', message('Z', 5, 'I'.charCodeAt(0)))).toThrow(bug)
  expect(violations).toEqual([])
})

test('a connection of another making is witnessed, and otherwise left alone', () => {
  const other = { emit: (): boolean => true }
  guardParser(other, witness)
  Reflect.apply(other.emit, other, ['readyForQuery', { status: 'I' }])
  expect(witnessed).toEqual(['ready I'])
})
