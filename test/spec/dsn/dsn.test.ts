import { describe, expect, test } from 'vitest'

import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { parseDsn } from '../../../src/dsn/parse.ts'
import { renderings } from '../../support/dsn/renderings.ts'
import { QUIET_CONTEXT } from '../../support/dsn/quiet-context.ts'
import type { Accepted, Refused } from './case.ts'
import { KEYWORD_VALUE_CASES } from './keyword-value.cases.ts'
import { REFUSED_CASES, UNSUPPORTED_CASES } from './refused.cases.ts'
import { SHOWN_CASES, URI_CASES } from './uri.cases.ts'

const title = (dsn: string): string => JSON.stringify(dsn.length > 70 ? `${dsn.slice(0, 70)}…` : dsn)

function accept(expected: Accepted): void {
  const dsn = parseDsn(expected.dsn, QUIET_CONTEXT)
  const [first] = dsn.hosts
  expect(dsn.hosts.map((host) => host.hostId)).toEqual(expected.hosts)
  expect(first.readPassword()).toBe(expected.password)
  if (expected.user !== undefined) expect(dsn.user).toBe(expected.user)
  if (expected.database !== undefined) expect(dsn.database).toBe(expected.database)
  if (expected.addresses !== undefined) expect(dsn.hosts.map((host) => host.hostAddress)).toEqual(expected.addresses)
  if (expected.shown !== undefined) expect(String(dsn)).toBe(expected.shown)
  expect(dsn.targetSessionAttrs).toBe(expected.target)
  for (const host of dsn.hosts) expect([host.user, host.database]).toEqual([dsn.user, dsn.database])
}

function refusal(text: string): DsnError {
  try {
    parseDsn(text, QUIET_CONTEXT)
  } catch (error) {
    if (error instanceof DsnError) return error
    throw error
  }
  return expect.fail('it is accepted')
}

function refuse(expected: Refused): void {
  const error = refusal(expected.dsn)
  expect(error.reason).toBe(expected.reason)
  if (expected.position !== undefined) {
    expect(error.position).toBe(expected.position)
    expect(error.message).toContain(`(at position ${expected.position})`)
  }
  if (expected.parameter !== undefined) {
    expect(error.parameter).toBe(expected.parameter)
    expect(error.message).toContain(expected.parameter)
  }
  for (const rendering of renderings(error)) expect(rendering).not.toContain(expected.hides ?? '\0')
}

describe('URIs', () => {
  test.each(URI_CASES.map((one) => [title(one.dsn), one] as const))('%s', (_, one) => accept(one))
})

describe('keyword/value strings', () => {
  test.each(KEYWORD_VALUE_CASES.map((one) => [title(one.dsn), one] as const))('%s', (_, one) => accept(one))
})

describe('the canonical form', () => {
  test.each(SHOWN_CASES.map((one) => [title(one.dsn), one] as const))('%s', (_, one) => {
    accept(one)
    // Read again without the mask, it means the same.
    const again = parseDsn((one.shown ?? '').replace(':***', ''), QUIET_CONTEXT)
    expect(again.hosts.map((host) => host.hostId)).toEqual(one.hosts)
    expect(String(again)).toBe((one.shown ?? '').replace(':***', ''))
  })
})

describe('refused', () => {
  test.each(REFUSED_CASES.map((one) => [title(one.dsn), one] as const))('%s', (_, one) => refuse(one))

  test('the limits themselves are accepted', () => {
    const hosts = Array.from({ length: 64 }, (_, index) => `h${index}`).join(',')
    expect(parseDsn(`host=${hosts}`, QUIET_CONTEXT).hosts).toHaveLength(64)
    const longest = `host=h user=${'x'.repeat(8192 - 12)}`
    expect(parseDsn(longest, QUIET_CONTEXT).user).toHaveLength(8180)
    expect(refusal(`${longest}x`).reason).toBe('too-long')
    const named = `${'x'.repeat(39)}y=1`
    expect(refusal(named).parameter).toBe(`${'x'.repeat(39)}y`)
  })
})

describe('parameters that cannot be honoured', () => {
  test.each(UNSUPPORTED_CASES)('%s', (name, refused, harmless) => {
    const error = refusal(`host=h ${name}='${refused}'`)
    expect([error.reason, error.parameter]).toEqual(['unsupported-parameter', name])
    expect(error.position).toBe(8 + name.length)
    expect(error.message).not.toContain('pw1x')
    for (const value of harmless) expect(parseDsn(`host=h ${name}='${value}'`, QUIET_CONTEXT).hosts).toHaveLength(1)
  })
})
