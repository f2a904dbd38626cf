import { expect, test } from 'vitest'
import type { NativeQuery } from '../../../../src/drivers/postgres/native.ts'
import { SentQueries } from '../../../../src/drivers/postgres/sent-queries.ts'

const query = (string: string): NativeQuery => ({
  handler: () => undefined,
  canceller: null,
  strings: [],
  resolve: () => undefined,
  reject: () => undefined,
  active: false,
  state: null,
  string,
  origin: '',
  cancelled: null,
  catch: () => undefined,
  then: () => undefined,
})

test('what was sent first is answered first, however long the list gets', () => {
  const sent = new SentQueries()
  let [pushed, shifted] = [0, 0]
  for (let round = 1; round < 40; round++) {
    for (let count = 0; count < round; count++) sent.push(query(String(pushed++)))
    for (let count = 0; count < round - 1; count++) expect(sent.shift()?.string).toBe(String(shifted++))
    expect(sent.length).toBe(pushed - shifted)
    expect(sent.head?.string).toBe(String(shifted))
  }
  sent.push(query('not sent'))
  sent.dropLast()
  expect(sent.takeAll().map(({ string }) => Number(string))).toEqual(
    Array.from({ length: pushed - shifted }, (_, place) => shifted + place),
  )
  expect([sent.length, sent.head, sent.shift()]).toEqual([0, undefined, undefined])
  sent.push(query('alone'))
  sent.dropLast()
  expect(sent.length).toBe(0)
})
