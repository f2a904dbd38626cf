import { describe, expect, test } from 'vitest'
import { WireReader } from '../../../../src/drivers/postgres/wire.ts'
import type { WireWitness } from '../../../../src/drivers/postgres/wire.ts'

/** A message of a server: its kind, its length, its body. */
function message(kind: string, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
  const head = Buffer.alloc(5, kind)
  head.writeUInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}

interface Heard {
  readonly said: string[]
  readonly reader: WireReader
}

function listen(answers: Partial<WireWitness> = {}): Heard {
  const said: string[] = []
  const witness: WireWitness = {
    isShared: false,
    asksFor: (kind) => void said.push(`R${kind}`),
    completed: (tag) => void said.push(`C ${tag}`),
    ready: (status) => said.push(`Z ${status}`) > 0,
    refused: ({ C = '', M = '' }) => said.push(`E ${C} ${M}`) > 0,
    suspended: () => said.push('s') > 0,
    noticed: (code) => void said.push(`N ${code ?? ''}`),
    parameter: (name, value) => void said.push(`S ${name}=${value}`),
    violated: () => void said.push('violated'),
    ...answers,
  }
  return { said, reader: new WireReader(witness) }
}

const ANSWER = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  message('S', 'in_hot_standby\0on\0'),
  message('1'),
  message('T', Buffer.alloc(40)),
  message('s'),
  message('A', 'news\0it\0'),
  message('D', Buffer.alloc(300, 'Z')),
  message('C', 'SELECT 1\0'),
  message('N', 'SWARNING\0C01000\0Mbeware\0\0'),
  message('Z', 'I'),
  message('E', 'SERROR\0C42P01\0Mno such table\0\0'),
  message('Z', 'E'),
])
const HEARD = ['R0', 'S in_hot_standby=on', 's', 'C SELECT 1', 'N 01000', 'Z I', 'E 42P01 no such table', 'Z E']

describe('messages are followed', () => {
  test('whatever the pieces are that they arrive in', () => {
    for (let size = 1; size <= ANSWER.length; size++) {
      const { said, reader } = listen()
      for (let at = 0; at < ANSWER.length; at += size) {
        const piece = ANSWER.subarray(at, at + size)
        expect(reader.read(piece)).toBe(piece.length)
      }
      expect(said).toEqual(HEARD)
    }
  })

  test('up to one that the driver may not see', () => {
    const before = ANSWER.indexOf(message('E', 'SERROR\0C42P01\0Mno such table\0\0'))
    const { reader } = listen({ refused: () => false })
    expect(reader.read(ANSWER)).toBe(before)
    const inPieces = listen({ refused: () => false }).reader
    expect(inPieces.read(ANSWER.subarray(0, before + 3))).toBe(before + 3)
    expect(inPieces.read(ANSWER.subarray(before + 3))).toBe(0)
    const unready = listen({ ready: () => false }).reader
    expect(unready.read(Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')]))).toBe(
      message('C', 'BEGIN\0').length,
    )
  })
})

test.each([
  ['of no known kind', message('!')],
  ['that is too short to be one', Buffer.from([90, 0, 0, 0, 3, 73])],
  ['that is too long to be one', Buffer.from([68, 255, 255, 255, 255])],
  ['with the names of columns that do not end', message('T', '\0\x01name')],
  ['with a notification that does not end', message('A', 'news')],
  ['that asks for an authentication without saying which', message('R', 'x')],
])('a message %s is not passed on', (_what, bytes) => {
  const { said, reader } = listen()
  const good = message('Z', 'I')
  expect(reader.read(Buffer.concat([good, bytes]))).toBe(good.length)
  expect(said).toEqual(['Z I', 'violated'])
})
