import { describe, expect, test } from 'vitest'
import { classifyError } from '../../../src/driver/classify-error.ts'
import type { Phase } from '../../../src/driver/driver.ts'
import type { HostFault } from '../../../src/host-fault.ts'
import { coded } from '../../support/scripted/coded.ts'
import type { AnswerOf } from '../../support/topology.ts'
import { after, answered, failed, hostOf, kindsOf, nothingKnown, REPLICA } from '../../support/topology.ts'

/** Each class of errors with some of its codes, and what they say while connecting and on an established connection. */
const CLASSES: readonly (readonly [
  codes: readonly string[],
  connect: HostFault | undefined,
  session: HostFault | undefined,
])[] = [
  [['ECONNREFUSED', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'], 'down', 'lost'],
  [['ECONNRESET', 'ECONNABORTED', 'EPIPE'], 'down', 'lost'],
  [['08000', '08001', '08003', '08004', '08006', '08007', '08P01'], 'lost', 'lost'],
  [['ERR_HASQL_HOST_LOST'], 'lost', 'lost'],
  [['ENOTFOUND', 'EAI_AGAIN', 'ERR_HASQL_LOOKUP_TIMEOUT'], 'unresolved', undefined],
  [['ENOENT'], 'down', undefined],
  [['ETIMEDOUT'], 'silent', 'lost'],
  [['57P01', '57P02'], 'not-ready', 'lost'],
  [['57P03'], 'not-ready', 'not-ready'],
  [['53300'], 'capacity', undefined],
  [['28P01', '28000', '3D000', '42501', 'EACCES'], 'access', undefined],
  [['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'CERT_HAS_EXPIRED', 'EPROTO'], 'access', 'lost'],
  [['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT'], 'access', 'lost'],
  [['25006'], undefined, 'role-doubted'],
  [['57014', '57P04', '57P05', '25P02', '25P03', '25P04', '40001', '40P01', '55P03'], undefined, undefined],
  [['55000', '0A000'], undefined, 'role-hint'],
  [['53100', '53200', '53400', '58030', 'XX000', 'XX001', 'XX002'], 'server-error', 'server-error'],
  [['XX003', '53000', '58000', '23505', '42P01', '22012', 'EPROTOX', '28P010'], undefined, undefined],
]

const PHASES: readonly Phase[] = ['connect', 'session']
const rows = CLASSES.flatMap(([codes, connect, session]) =>
  codes.flatMap((code) => PHASES.map((phase) => [code, phase, phase === 'connect' ? connect : session] as const)),
)

describe('what an error says of its host', () => {
  test.each(rows)('%s in phase %s: %s', (code, phase, fault) => {
    expect(classifyError(coded(code), phase)).toBe(fault)
  })
})

/** What a host becomes by a fault, by what it was, and by where the fault was seen. */
type Outcome = Readonly<Record<Seen, string>>
type Seen = 'probe' | 'pooled' | 'pooled, older generation' | 'older probe'
type Before = 'master' | 'replica' | 'unknown' | 'unreachable'

const PLACES: Readonly<Record<Seen, { probe: number; generation?: number }>> = {
  probe: { probe: 9 },
  pooled: { probe: 8, generation: 1 },
  'pooled, older generation': { probe: 8, generation: 0 },
  'older probe': { probe: 7 },
}

const ANSWERING: readonly Before[] = ['master', 'replica']
const FAULTS: readonly HostFault[] = [
  'down',
  'lost',
  'silent',
  'unresolved',
  'not-ready',
  'access',
  'capacity',
  'server-error',
  'role-doubted',
  'role-hint',
]

/** What a probe, and a current pooled connection, make of an answering host; `=` leaves it as it is. */
const OF_ANSWERING: Readonly<Record<HostFault, readonly [probe: string, pooled: string]>> = {
  down: ['unreachable', 'suspect ='],
  lost: ['suspect =', '='],
  silent: ['suspect =', 'suspect ='],
  unresolved: ['suspect =', '='],
  'server-error': ['suspect =', '='],
  'role-hint': ['suspect =', '='],
  'not-ready': ['not-ready', 'suspect ='],
  access: ['rejected', '='],
  capacity: ['=', '='],
  'role-doubted': ['suspect master', 'suspect master'],
}

/** What a probe makes of a host that did not answer before; a pooled connection says nothing new of it. */
const OF_SILENT: Readonly<Record<HostFault, string>> = {
  down: 'unreachable',
  lost: 'unreachable',
  silent: 'unreachable',
  unresolved: 'unreachable',
  'server-error': 'unreachable',
  'role-hint': 'unreachable',
  'not-ready': 'not-ready',
  access: 'rejected',
  capacity: 'unreachable',
  'role-doubted': '=',
}

function outcomeOf(before: Before, fault: HostFault): Outcome {
  const stays = (kind: string): string => kind.replace('=', before)
  if (!ANSWERING.includes(before)) {
    return { probe: stays(OF_SILENT[fault]), pooled: before, 'pooled, older generation': before, 'older probe': before }
  }
  const [probe, pooled] = OF_ANSWERING[fault]
  // Only a master's role can be doubted: a replica that refuses writes is what it should be.
  const ofReplica = fault === 'role-doubted' && before === 'replica'
  return {
    probe: ofReplica ? before : stays(probe),
    pooled: ofReplica ? before : stays(pooled),
    'pooled, older generation': before,
    'older probe': before,
  }
}

/** A host of generation 1 whose newest probe is number 8. */
function hostThatIs(before: Before): ReturnType<typeof nothingKnown> {
  const unknown = nothingKnown('db', 'other')
  if (before === 'unknown') return unknown
  const away = after(unknown, [failed('db', 'down', { probe: before === 'unreachable' ? 8 : 7 })])
  const answer: AnswerOf = before === 'replica' ? REPLICA : {}
  return before === 'unreachable' ? away : after(away, [answered('db', answer, { probe: 8 })])
}

const table = (['master', 'replica', 'unknown', 'unreachable'] as const).flatMap((before) =>
  FAULTS.flatMap((fault) => {
    const outcome = outcomeOf(before, fault)
    // Nothing is older than nothing: of an unknown host every evidence is new.
    const seen = (Object.keys(PLACES) as Seen[]).filter((place) => before !== 'unknown' || !place.includes('older'))
    return seen.map((place) => [before, fault, place, outcome[place]] as const)
  }),
)

describe('what a fault makes of a host', () => {
  test.each(table)('%s, %s seen by %s: %s', (before, fault, place, kind) => {
    const topology = hostThatIs(before)
    const next = after(topology, [failed('db', fault, PLACES[place])])
    expect(kindsOf(next).db).toBe(kind)
    expect(hostOf(next, 'other')).toBe(hostOf(topology, 'other'))
  })

  test('the table covers every class, phase and generation', () => {
    expect(rows.length + table.length).toBeGreaterThanOrEqual(200)
  })
})
