import { expect, test } from 'vitest'

import { DsnError } from '../../src/dsn/dsn-error.ts'
import { parseDsn } from '../../src/dsn/parse.ts'
import { scanDsn } from '../../src/dsn/scan.ts'
import { differencesFor } from '../support/dsn/differences.ts'
import type { Difference } from '../support/dsn/differences.ts'
import { generateDsn, generateSettings } from '../support/dsn/generate.ts'
import { loadLibpq } from '../support/dsn/libpq.ts'
import { seededDice } from '../support/dsn/dice.ts'

const SEED = Number(process.env['HASQL_DSN_SEED'] ?? 20_260_101)
const COUNT = Number(process.env['HASQL_DSN_COUNT'] ?? 120_000)

type Values = ReadonlyMap<string, string>
type Answer = { readonly values: Values } | { readonly error: DsnError }

function ours(text: string): Answer {
  try {
    return { values: new Map([...scanDsn(text)].map(([name, { value }]) => [name, value])) }
  } catch (error) {
    if (error instanceof DsnError) return { error }
    throw error
  }
}

const sorted = (values: Values): readonly (readonly [string, string])[] =>
  [...values].sort(([a], [b]) => (a < b ? -1 : 1))

interface Verdict {
  readonly wrong?: string
  readonly differences: readonly Difference[]
}

function compare(theirs: Values | undefined, mine: Answer, differences: readonly Difference[]): Verdict {
  if (theirs === undefined) {
    return 'error' in mine ? { differences: [] } : { wrong: 'libpq refuses it, we accept it', differences }
  }
  if ('error' in mine) {
    const { reason } = mine.error
    const isListed = differences.some((difference) => difference === reason)
    return isListed ? { differences } : { wrong: `libpq accepts it, we say ${reason}`, differences }
  }
  if (differences.length > 0) return { wrong: `we should refuse it: ${differences.join()}`, differences }
  const [read, expected] = [JSON.stringify(sorted(mine.values)), JSON.stringify(sorted(theirs))]
  return read === expected ? { differences } : { wrong: `we read ${read}, libpq reads ${expected}`, differences }
}

// libpq is not published for Windows in a form that can be loaded; anywhere else its absence is a failure.
test.skipIf(process.platform === 'win32')('we read what libpq reads', { timeout: 120_000 }, () => {
  const libpq = loadLibpq()
  const dice = seededDice(SEED)
  const tally = { accepted: 0, rejected: 0, uris: 0 }
  const counted = new Map<Difference, number>()
  for (let index = 0; index < COUNT; index += 1) {
    const text = generateDsn(dice)
    const theirs = libpq.parse(text)
    const verdict = compare(theirs, ours(text), differencesFor(text, libpq))
    // Assertions only where something is wrong: there are very many strings.
    if (verdict.wrong !== undefined)
      expect.fail(`${verdict.wrong}; seed ${SEED}, string ${index}: ${JSON.stringify(text)}`)
    for (const difference of verdict.differences) counted.set(difference, (counted.get(difference) ?? 0) + 1)
    if (/^postgres(ql)?:\/\//.test(text)) tally.uris += 1
    tally[theirs === undefined ? 'rejected' : 'accepted'] += 1
  }
  console.log(`dsn against libpq: ${COUNT} strings, seed ${SEED}`, tally, Object.fromEntries(counted))
  // The generator must keep both answers and every listed difference in play.
  expect(tally.accepted).toBeGreaterThan(COUNT / 5)
  expect(tally.rejected).toBeGreaterThan(COUNT / 5)
  expect(tally.uris).toBeGreaterThan(COUNT / 4)
  expect([...counted.keys()].sort()).toEqual([
    'bad-unicode',
    'control-character',
    'host-given-twice',
    'misplaced-at-sign',
    'too-long',
  ])
})

/** What libpq says about settings, as opposed to what it says about the network. */
const SETTING_ERROR =
  /could not match|invalid .*value|invalid port number|weak sslmode|invalid SSL protocol version range|could not parse network address/

test.skipIf(process.platform === 'win32')('we refuse the settings libpq refuses', { timeout: 120_000 }, () => {
  const libpq = loadLibpq()
  const dice = seededDice(SEED)
  const tally = { accepted: 0, refused: 0, 'TLSv1.2 as the least version': 0 }
  for (let index = 0; index < 5_000; index += 1) {
    const text = generateSettings(dice)
    const theirs = libpq.startConnecting(text)
    const isRefused = SETTING_ERROR.test(theirs)
    const reason = reasonFor(text)
    tally[isRefused ? 'refused' : 'accepted'] += 1
    if (isRefused === (reason !== undefined)) continue
    if (reason === 'bad-value' && hasEmptyMinimum(text)) tally['TLSv1.2 as the least version'] += 1
    else
      expect.fail(`libpq: ${theirs || 'accepted'}, we: ${reason ?? 'accepted'}; seed ${SEED}, string ${index}: ${text}`)
  }
  console.log(`settings against libpq: 5000 strings, seed ${SEED}`, tally)
  expect(tally.accepted).toBeGreaterThan(500)
  expect(tally.refused).toBeGreaterThan(500)
})

function reasonFor(text: string): string | undefined {
  try {
    parseDsn(text, { userName: 'u' })
    return undefined
  } catch (error) {
    if (error instanceof DsnError) return error.reason
    throw error
  }
}

/** An empty minimum means none to libpq; Node.js has one of its own. */
function hasEmptyMinimum(text: string): boolean {
  return text.includes("ssl_min_protocol_version=''") && /ssl_max_protocol_version='TLSv1(\.1)?'/.test(text)
}
