import { expect, test } from 'vitest'
import { Probe } from '../../../src/monitor/probe.ts'
import { IDENTITY_QUERY, POSITION_QUERY, ROLE_ONLY_QUERY, ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { coded } from '../../support/scripted/coded.ts'

test('each question for the role is told of before it is sent: the one that is answered is the newest', async () => {
  const told: string[] = []
  const query = async (sql: string): Promise<readonly (string | null)[]> => {
    told.push(sql)
    if (sql === ROLE_QUERY || sql === POSITION_QUERY) throw coded('42501')
    return sql === IDENTITY_QUERY ? ['7000', 'life 1', null, null, null] : ['true', 'off']
  }
  const probe = new Probe(
    new FakeClock(),
    () => ({ isLoggedIn: true, query, destroy: () => undefined }),
    () => undefined,
  )
  await probe.ask(() => told.push('told'))
  expect(told).toEqual([IDENTITY_QUERY, 'told', ROLE_QUERY, 'told', POSITION_QUERY, 'told', ROLE_ONLY_QUERY])
})

test('a driver that cannot even begin is a question that fails', async () => {
  const open = (): never => {
    throw coded('ENOENT')
  }
  const probe = new Probe(new FakeClock(), open, () => undefined)
  await expect(probe.ask()).rejects.toMatchObject({ code: 'ENOENT' })
  expect([probe.established, probe.hasJustLoggedIn]).toEqual([false, false])
  probe.destroy()
})
