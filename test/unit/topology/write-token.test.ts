import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readToken } from '../../../src/monitor/token-query.ts'
import type { WriteToken } from '../../../src/topology/write-token.ts'
import { formatToken, parseToken } from '../../../src/topology/write-token.ts'

const tokens: fc.Arbitrary<WriteToken> = fc.record({
  systemId: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
  timeline: fc.integer({ min: 1, max: 0xffff_ffff }),
  lsn: fc.bigInt(0n, 2n ** 64n - 1n),
})

describe('a token as a string', () => {
  test('is read as what it was written from', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(parseToken(formatToken(token))).toEqual(token)
      }),
    )
  })

  test('fits into a URL, a cookie and a header as it is, and is short', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(formatToken(token)).toMatch(/^[a-z0-9.]{7,37}$/)
      }),
    )
  })

  test('does not change from one version to the next', () => {
    const token = { systemId: '7553498817324187123', timeline: 3, lsn: 0x16_b374_d848n }
    expect(formatToken(token)).toBe('1.1ldyrv0dequb7.3.18sh0nk8')
    expect(parseToken('1.1ldyrv0dequb7.3.18sh0nk8')).toEqual(token)
  })

  test('different tokens have different strings, and one token has one', () => {
    fc.assert(
      fc.property(tokens, tokens, (one, other) => {
        const isSame = one.systemId === other.systemId && one.timeline === other.timeline && one.lsn === other.lsn
        expect(formatToken(one) === formatToken(other)).toBe(isSame)
      }),
    )
  })

  test('of any text, only what was written is read', () => {
    const alphabet = fc.constantFrom('0', '1', '9', 'a', 'z', '.', 'A', '-', ' ')
    const near = fc.string({ unit: alphabet, maxLength: 30 }).map((text) => `1.${text}`)
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const token = parseToken(text)
        if (token !== undefined) expect(formatToken(token)).toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['nothing', ''],
    ['another version', '2.1.1.1'],
    ['a part too few', '1.1.1'],
    ['a part too many', '1.1.1.1.1'],
    ['capital letters', '1.A.1.1'],
    ['a leading zero', '1.01.1.1'],
    ['timeline 0', '1.1.0.1'],
    ['a timeline beyond 32 bits', `1.1.${(2 ** 32).toString(36)}.1`],
    ['an identifier beyond 64 bits', `1.${(2n ** 64n).toString(36)}.1.1`],
    ['a position beyond 64 bits', `1.1.1.${(2n ** 64n).toString(36)}`],
    ['a line break after it', '1.1.1.1\n'],
    ['a space before it', ' 1.1.1.1'],
  ])('%s is none', (_what, text) => {
    expect(parseToken(text)).toBeUndefined()
  })
})

describe('the row of the token query', () => {
  test('of a master', () => {
    const token = { systemId: '7', timeline: 2, lsn: 0x1_0000_0064n }
    expect(readToken([null, '7', '2', '1/64', '8192'])).toEqual(token)
  })

  test('behind the header of an empty page lies nothing: a replica stays before it', () => {
    expect(readToken([null, '7', '2', '0/4018', '8192'])).toMatchObject({ lsn: 0x4000n })
    expect(readToken([null, '7', '2', '0/4020', '8192'])).toMatchObject({ lsn: 0x4020n })
    expect(readToken([null, '7', '2', '0/4018', '16384'])).toMatchObject({ lsn: 0x4000n })
    expect(readToken([null, '7', '2', '0/6018', '16384'])).toMatchObject({ lsn: 0x6018n })
    expect(readToken([null, '7', '2', '0/4018', null])).toMatchObject({ lsn: 0x4018n })
  })

  test('of a replica, and of an open transaction, there is no token, and it is said why', () => {
    expect(readToken([null, '7', null, null, '8192'])).toMatch('leads to a replica')
    expect(readToken(['751', '7', '1', '0/64', '8192'])).toMatch('take the token after the commit')
    expect(readToken([])).toMatch('leads to a replica')
  })
})
