import { describe, expect, test } from 'vitest'
import { adviceFor } from '../../../src/cli/advice.ts'
import { CertificateError } from '../../../src/dsn/tls-files.ts'
import { narrowTable, wideTable } from '../../../src/cli/host-table.ts'
import type { HostReport } from '../../../src/cli/report.ts'
import { readRights } from '../../../src/cli/rights.ts'
import { parse } from '../../support/dsn/read.ts'
import { coded } from '../../support/scripted/coded.ts'

const REPLICA: HostReport = {
  host: 'db2:5432',
  role: 'replica',
  inUse: true,
  why: 'is a replica',
  timeline: 3,
  lsn: '16/B374D848',
  lagBytes: 2_500,
  lagMs: 1_200,
  detached: null,
  responseTimeMs: 0.42,
  serverVersion: '18.4',
  startedAt: '2026-11-26T13:03:59Z',
  upSeconds: 60,
  seenForMs: 245_000,
}
const coloured = (format: string | undefined, text: string): string =>
  format === undefined ? text : `<${format}>${text}`

describe('the table of hosts', () => {
  test.each([
    [{}, '2.5 kB 1.2 s'],
    [{ lagBytes: 0 }, '0 B'],
    [{ lagMs: null }, '2.5 kB'],
    [{ lagBytes: null }, '1.2 s'],
    [{ lagBytes: null, lagMs: null }, '?'],
    [{ role: 'master' }, '-'],
  ] as const)('lag of %j is %s', (given, lag) => {
    const [, row = ''] = wideTable([{ ...REPLICA, ...given }], (_format, text) => text)
    expect(row.split(/ {2,}/).slice(3, 6).join(' ')).toContain(`${lag} 0.4 ms`)
  })

  test.each([
    ['master', true, '<green>'],
    ['replica', true, ''],
    ['unknown', false, '<yellow>'],
    ['unreachable', false, '<red>'],
  ] as const)('%s is seen by its colour', (role, inUse, colour) => {
    const [title, row = ''] = wideTable([{ ...REPLICA, role, inUse }], coloured)
    expect(title).toMatch(/^<bold>HOST/)
    expect(row.startsWith(`${colour}db2:5432  ${role}`)).toBe(true)
  })

  test('where it is narrow, a reason stands below its host, unless it says nothing new', () => {
    const doubted = { ...REPLICA, why: 'is a replica, but is being checked again (terminated)' }
    const away = { ...REPLICA, role: 'unreachable', inUse: false, why: 'is unreachable (no route)' } as const
    const lines = narrowTable([REPLICA, doubted, away], (_format, text) => text, 60, 'seen')
    expect(lines.map((line) => line.replace(/^db2:5432 .*/, 'row'))).toEqual([
      expect.stringMatching(/^HOST +ROLE .*LAG +RESPONSE/) as unknown,
      'row',
      'row',
      '  in: is a replica, but is being checked again (terminated)',
      'row',
      '  out: is unreachable (no route)',
    ])
  })
})

describe('rights', () => {
  const row = (superuser: string, ...rights: readonly string[]): readonly string[] => [
    'shop App',
    '17.5',
    superuser,
    ...rights,
  ]

  test('a superuser and a member of pg_monitor see everything', () => {
    for (const [superuser, kind] of [
      ['on', 'superuser'],
      ['off', 'member of pg_monitor'],
    ] as const) {
      const rights = readRights(row(superuser, 'true', 'true', 'true', 'true'))
      expect(rights).toEqual({
        version: '17.5',
        text: `shop App, ${kind}: sees all that hasql asks for`,
        lack: undefined,
      })
    }
  })

  test('who was denied the functions reads what is not seen, and what to grant', () => {
    const { text, lack } = readRights(row('off', 'false', 'false', 'false', 'false'))
    expect(text).toContain('no member of pg_monitor: does not see which cluster a host belongs to')
    expect(text).toContain('lag and write tokens (pg_current_wal_lsn, pg_last_wal_replay_lsn)')
    expect(lack).toBe('To see it: grant pg_monitor to "shop App"; roles work without.')
  })
})

describe('advice', () => {
  const spec = parse('postgresql://app:secret@db1/app').hosts[0]

  test('is by the code of the failure, and by the step where there is none', () => {
    expect(adviceFor('TCP', coded('EHOSTUNREACH'), spec)).toContain('There is no route to it')
    expect(adviceFor('TLS', coded('CERT_HAS_EXPIRED'), spec)).toContain('renew it on the server')
    expect(adviceFor('TLS', new Error('wrong version number'), spec)).toContain(
      'Check that server and DSN agree on TLS',
    )
    expect(adviceFor('role', new Error('something else'), spec)).toBe(undefined)
    expect(adviceFor('TLS', new CertificateError('sslcert and sslkey do not belong together'), spec)).toContain(
      'on this machine: the server has not been asked yet',
    )
  })
})
