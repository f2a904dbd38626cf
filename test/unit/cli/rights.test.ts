import { expect, test } from 'vitest'
import { hiddenAdvice } from '../../../src/cli/rights.ts'

test('of a server that shows everything nothing is said', () => {
  expect(hiddenAdvice([])).toBeUndefined()
})

test('what a server does not show is said with what it costs', () => {
  expect(hiddenAdvice(['position', 'timeline'])).toBe(
    'The server does not show its position, timeline (Amazon Aurora does not either): hasql has no write tokens, no lag of replicas, ' +
      'no fencing of a master that was left behind. Roles and failovers are followed all the same.',
  )
  expect(hiddenAdvice(['systemId'])).toContain('hasql has no write tokens, no way to tell another cluster.')
})
