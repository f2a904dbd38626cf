import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { DsnError } from '../../../src/dsn/dsn-error.ts'
import { OptionsError } from '../../../src/errors.ts'
import type { ProbeTarget } from '../../../src/manager/probe-option.ts'
import { probeOption, probeRoutes } from '../../../src/manager/probe-option.ts'
import { parse } from '../../support/dsn/read.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'
import { untyped } from '../../support/untyped.ts'

const dsn = parse('postgresql://app:secret@db1,db2:6432/shop?sslmode=require')

/** Where the checks of each host go, and as whom. */
function routes(given: ProbeTarget): readonly string[] {
  const routeOf = probeRoutes(dsn, probeOption(given))
  return dsn.hosts.map((host) => {
    const { spec, hasOwnCredentials } = routeOf(host)
    const { user, database, tls, hostId } = spec
    return `${user}:${spec.readPassword() ?? ''}@${hostId}/${database} ${tls.mode} ${hasOwnCredentials ? 'own' : 'shared'}`
  })
}

describe('checks go', () => {
  test.each<[ProbeTarget, readonly string[]]>([
    [{ port: 5432 }, ['app:secret@db1:5432/shop require shared', 'app:secret@db2:5432/shop require shared']],
    [{ port: [5432, 5433] }, ['app:secret@db1:5432/shop require shared', 'app:secret@db2:5433/shop require shared']],
    [
      { database: 'postgres' },
      ['app:secret@db1:6432/postgres require shared', 'app:secret@db2:6432/postgres require shared'],
    ],
    [
      { dsn: 'postgresql://watch:w@pg1,pg2:5432/postgres?sslmode=disable' },
      ['watch:w@pg1:5432/postgres disable own', 'watch:w@pg2:5432/postgres disable own'],
    ],
  ])('%j', (given, expected) => expect(routes(given)).toEqual(expected))

  test('where connections go, without the option: the very same hosts', () => {
    const routeOf = probeRoutes(dsn, probeOption(undefined))
    for (const host of dsn.hosts) expect(routeOf(host)).toEqual({ spec: host, hasOwnCredentials: false })
  })
})

describe('refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['no object', 5432, /must be an object/],
    ['an unknown key', { prot: 1 }, /probe has no option 'prot'. Did you mean port/],
    ['a port out of range', { port: 70_000 }, /probe\.port must be a whole number from 1 to 65535/],
    ['a port as text', { port: '5432' }, /probe\.port/],
    ['too few ports', { port: [5432] }, /probe\.port has 1 ports, but the DSN has 2 hosts/],
    ['too many hosts', { dsn: 'postgresql://a,b,c/app' }, /probe\.dsn has 3 hosts, but the DSN has 2 hosts/],
    ['an empty database', { database: '' }, /probe\.database must be the name/],
    ['a port beside a dsn', { port: 1, dsn: 'postgresql://a,b/app' }, /probe\.dsn comes alone/],
  ])('%s', (_what, given, text) => {
    const make = (): unknown => rig({ db1: 'master', db2: 'replica' }, { probe: untyped(given) })
    expect(make).toThrow(OptionsError)
    expect(make).toThrow(text)
  })

  test('a dsn that cannot be read, without its password', () => {
    const make = (): unknown => probeOption({ dsn: 'postgresql://u:canary@a:port/app' })
    expect(make).toThrow(DsnError)
    try {
      make()
    } catch (error) {
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('canary')
    }
  })
})

test('no password of the probe shows in a manager, however it is printed', async () => {
  const probe = { dsn: 'postgresql://watch:canary@db1,db2/app' }
  const { db } = await startedRig({ db1: 'master', db2: 'replica' }, { probe })
  const seen = [inspect(db, { depth: 9, showHidden: true }), JSON.stringify(db.dsn), inspect(db.topology, { depth: 9 })]
  const resolved = inspect(probeOption(probe), { depth: 9, showHidden: true })
  for (const text of [...seen, resolved, JSON.stringify(probeOption(probe))]) expect(text).not.toContain('canary')
  await db.close()
})
