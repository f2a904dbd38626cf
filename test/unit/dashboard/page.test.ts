import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EMBEDDED, embedPage } from '../../../scripts/embed-page.ts'
import { PAGE } from '../../../src/dashboard/page.ts'

test('the embedded page is what its sources make: npm run build:page', async () => {
  expect(readFileSync(EMBEDDED, 'utf8')).toBe(await embedPage())
})

test('the page asks nobody but its own server, and is small', () => {
  const addresses = [...PAGE.matchAll(/(?:https?:)?\/\/[\w.-]+/g)].map(([address]) => address)
  expect(addresses.filter((address) => address !== 'http://www.w3.org')).toEqual([])
  expect(PAGE).not.toMatch(/<link[^>]+href="(?!data:)|<script[^>]+src=|@import|url\(/)
  expect(PAGE).not.toMatch(/ style="| on\w+="/)
  expect(Buffer.byteLength(PAGE)).toBeLessThan(33_000)
})
