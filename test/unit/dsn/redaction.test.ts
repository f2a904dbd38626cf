import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { redact } from '../../../src/dsn/redact.ts'
import { parse } from '../../support/dsn/read.ts'
import { renderings } from '../../support/dsn/renderings.ts'

/** A word that occurs nowhere by chance, in each form in which it may leak. */
const CANARY = 'Zq7canaryXw9'
const DISGUISES = [
  CANARY,
  encodeURIComponent(CANARY),
  Buffer.from(CANARY).toString('base64').slice(1, 12),
  Buffer.from(CANARY).toString('hex'),
]

function expectSilence(value: unknown): void {
  const text = renderings(value).join('\n')
  const leaked = DISGUISES.find((disguise) => text.includes(disguise))
  if (leaked !== undefined) expect.fail(`${leaked} is shown in ${text}`)
}

/** Everything that comes out of a connection string: the Dsn and its hosts, or the error. */
function outcome(text: string): readonly unknown[] {
  try {
    const dsn = parse(text)
    return [dsn, ...dsn.hosts, { nested: [dsn.hosts[0]] }]
  } catch (error) {
    if (error instanceof DsnError) return [error, new Error('wrapped', { cause: error })]
    throw error
  }
}

describe('no secret is ever shown', () => {
  test.each([
    `postgresql://u:${CANARY}@h/d`,
    `postgresql://u:%5A${CANARY.slice(1)}@h/d`,
    `postgresql://h/d?password=${CANARY}&sslpassword=${CANARY}&passfile=/x/${CANARY}`,
    `host=h password=${CANARY} sslpassword='${CANARY}' passfile=/${CANARY}`,
    `postgresql://u:p@${CANARY}@h/d`,
    `postgresql://u:${CANARY}/b@h/db`,
    `postgresql://u:1/${CANARY}@h/db`,
    `postgresql://u:p@s/${CANARY}@h/db`,
    `postgresql://u:${CANARY}`,
    `postgresql://u:${CANARY}@h:x`,
    `postgresql://u:${CANARY}@h/d?foo=${CANARY}`,
    `postgresql://u:${CANARY}%@h`,
    `postgresql://u:${CANARY} x@h`,
    `postgresql://[${CANARY}`,
    `http://u:${CANARY}@h`,
    `password=${CANARY} nonsense`,
    `password='${CANARY}`,
    `password=x ${CANARY}=y`,
    CANARY,
    `host=h options=${CANARY}`,
    `host=h sslmode=${CANARY}`,
    `host=h connect_timeout=${CANARY}`,
    `host=h port=${CANARY}`,
    `host=a,b port=1,2,${CANARY}`,
    `host=u:${CANARY}@h`,
    `hostaddr=${CANARY}`,
    `service=${CANARY}`,
    `host=h scram_client_key=${CANARY}`,
    `host=h oauth_client_secret=${CANARY}`,
  ])('%s', (text) => {
    for (const value of outcome(text)) {
      if (text.includes('options=')) expect(String(value)).not.toContain(CANARY)
      else expectSilence(value)
    }
  })

  test('in any place of a URI where a typo can put the password', () => {
    const noise = fc.string({ unit: fc.constantFrom(...Array.from('ab:@/?#[]%,&= \\\'"+1')), maxLength: 6 })
    const shape = fc.constantFrom('postgresql://', 'postgres://')
    const property = fc.property(shape, noise, noise, noise, (scheme, before, after, rest) => {
      const text = `${scheme}user:${before}${CANARY}${after}@db1,db2:6432/shop${rest}`
      for (const value of outcome(text)) expectSilence(value)
    })
    fc.assert(property, { numRuns: 1000, seed: 7 })
  })

  test('for every password that is encoded as it should be', () => {
    const property = fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (tail) => {
      const password = `${CANARY}${tail.replaceAll('\0', '')}`
      const text = `postgresql://u:${encodeURIComponent(password)}@h/d`
      const values = outcome(text)
      expect(parse(text).hosts[0].readPassword()).toBe(password)
      for (const value of values) expectSilence(value)
    })
    fc.assert(property, { numRuns: 200, seed: 7 })
  })
})

describe('redact', () => {
  test.each([
    ['cannot reach postgresql://app:secret@db1/shop', 'cannot reach postgresql://app:***@db1/shop'],
    ['postgres://u:s%40cret@h,i:5432/d failed', 'postgres://u:***@h,i:5432/d failed'],
    ['POSTGRES://u:secret@h', 'POSTGRES://u:***@h'],
    ['postgresql://u:se@cret@h', 'postgresql://u:***@h'],
    ['postgresql://u:se/cr?et@h', 'postgresql://u:***@h'],
    ['postgresql://u:se cret@h/d and more', 'postgresql://u:***@h/d and more'],
    ['postgresql://u:secret', 'postgresql://u:***'],
    ['postgresql://u:secret/d', 'postgresql://u:***/d'],
    ['postgresql://h:5432/d', 'postgresql://h:5432/d'],
    ['postgresql://a:1,b:22222/d?x=y', 'postgresql://a:1,b:22222/d?x=y'],
    ['postgresql://a:123456', 'postgresql://a:***'],
    ['postgresql://u@h/d', 'postgresql://u@h/d'],
    ['postgresql://u@h:5432/d', 'postgresql://u@h:5432/d'],
    ['postgresql://h/d?password=secret', 'postgresql://h/d?password=***'],
    ['host=h password=secret user=u', 'host=h password=*** user=u'],
    ["password = 'se cret' user=u", 'password = *** user=u'],
    ["password='it\\'s secret' user=u", 'password=*** user=u'],
    ["password='secret", 'password=***'],
    ['password=se\\ cret user=u', 'password=*** user=u'],
    ['PGPASSWORD=secret psql', 'PGPASSWORD=*** psql'],
    ['{"password":"secret"}', '{"password":***}'],
    ['{"password": "se\\"cret", "user": "u"}', '{"password": ***, "user": "u"}'],
    ['{\\"password\\":\\"secret\\"}', '{\\"password\\":***'],
    ["{ password: 'secret', user: 1 }", '{ password: ***, user: 1 }'],
    ['sslpassword=secret passfile=/secret', 'sslpassword=*** passfile=***'],
    ['password=a,secret;b&c', 'password=***'],
    ['password authentication failed for user "u"', 'password authentication failed for user "u"'],
    ['nothing here', 'nothing here'],
    ['', ''],
    ['postgresql://a:secret@h then postgres://b:secret@i', 'postgresql://a:***@h then postgres://b:***@i'],
    ['postgresql://h then postgres://b:secret@i', 'postgresql://h then postgres://b:***@i'],
    ['"postgresql://u:secret@h" failed for me@x', '"postgresql://u:***@h" failed for me@x'],
    ['postgresql://u:se\ncret at me@x', 'postgresql://u:***\ncret at me@x'],
  ])('%j', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test('hides the password of whatever parseDsn reads', () => {
    const noise = fc.string({ unit: fc.constantFrom(...Array.from('ab:@/?#%,&=+1')), maxLength: 6 })
    const property = fc.property(noise, noise, (before, after) => {
      const text = `error near postgresql://user:${before}${CANARY}${after}@db1/shop in line 1`
      expect(redact(text)).not.toContain(CANARY)
    })
    fc.assert(property, { numRuns: 3000, seed: 7 })
  })

  test('takes linear time', () => {
    for (const piece of [
      'postgres://',
      'postgres:// ',
      'postgres://a:',
      'password=',
      "password='",
      'password=\\',
      '@',
      ':',
    ]) {
      const long = piece.repeat(Math.ceil(500_000 / piece.length))
      expect(redact(long).length).toBeGreaterThan(0)
    }
  }, 10_000)
})
