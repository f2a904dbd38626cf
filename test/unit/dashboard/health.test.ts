import { expect, test } from 'vitest'
import { healthOf } from '../../../src/dashboard/health.ts'
import { startedRig } from '../../support/scripted/rig.ts'
import type { HostSetting } from '../../support/scripted/rig.ts'

const CASES: readonly (readonly [string, string, Readonly<Record<string, HostSetting>>])[] = [
  ['ok', 'Healthy', { db1: 'master', db2: 'replica' }],
  ['bad', 'No master', { db1: 'down', db2: 'replica' }],
  ['bad', 'Split brain', { db1: { role: 'master', timeline: 3 }, db2: { role: 'master', timeline: 3 } }],
  ['warn', '1 host fenced', { db1: { role: 'master', timeline: 3 }, db2: { role: 'master', timeline: 4 } }],
  ['warn', '1 of 2 hosts out of use', { db1: 'master', db2: 'down' }],
]

test.each(CASES)('%s: %s', async (level, headline, hosts) => {
  const { db, clock } = await startedRig(hosts)
  await clock.advance(3_000)
  expect(healthOf(db.topology, false)).toMatchObject({ level, headline })
  await db.close()
  expect(healthOf(db.topology, db.closing)).toMatchObject({ level: 'info', headline: 'The manager is closed' })
})

test('before the first answer nothing is said of any host', async () => {
  const { rig } = await import('../../support/scripted/rig.ts')
  expect(healthOf(rig({ db1: 'master' }).db.topology, false).headline).toBe('Looking for the hosts')
})

test('who serves whom', async () => {
  const { db } = await startedRig({ db1: 'master', db2: 'replica', db3: 'replica' })
  expect(healthOf(db.topology, false).detail).toBe('db1:5432 takes the writes; 2 replicas take reads.')
})
