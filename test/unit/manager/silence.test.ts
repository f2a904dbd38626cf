import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { parse } from '../../support/dsn/read.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { coded } from '../../support/scripted/coded.ts'
import { ScriptedDriver } from '../../support/scripted/driver.ts'
import { seededRandom } from '../../support/seeded-random.ts'

/** A word that occurs nowhere by chance, and does not survive encoding unchanged. */
const CANARY = 'canary/Zq7&Xw9'
const DISGUISES = [CANARY, encodeURIComponent(CANARY), ...base64Of(CANARY), Buffer.from(CANARY).toString('hex')]

/** Base64 of a text that stands at any place of a longer one. */
function base64Of(text: string): readonly string[] {
  return [0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + text)
      .toString('base64')
      .slice(4, -4),
  )
}

/** Every way in which a value ends up in a log. */
function renderings(value: unknown): string {
  const depth = { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null }
  const texts = [inspect(value, depth), inspect(value, { ...depth, customInspect: false, getters: true })]
  const json = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return String(part)
    return part instanceof Map ? [...(part as ReadonlyMap<unknown, unknown>)] : part
  })
  if (value instanceof Error) texts.push(value.message, value.stack ?? '', renderings(value.cause))
  return [...texts, json, String(value)].join('\n')
}

function expectSilence(what: string, value: unknown): void {
  const text = renderings(value)
  for (const disguise of DISGUISES) if (text.includes(disguise)) expect.fail(`${what} shows ${disguise} in ${text}`)
}

function setUp() {
  const clock = new FakeClock()
  const driver = new ScriptedDriver(clock, 2)
  const password = encodeURIComponent(CANARY)
  const dsn = parse(`postgresql://app:${password}@db1,db2,db3/shop?sslmode=verify-full&sslpassword=${password}`)
  const db = new BasePoolManager(driver, dsn, { clock, random: seededRandom(1) })
  const events: unknown[] = []
  for (const event of ['hostUp', 'hostDown', 'roleChange', 'masterChange', 'staleMaster', 'splitBrain'] as const) {
    db.on(event, (record) => events.push(record))
  }
  for (const event of ['foreignCluster', 'topologyChange', 'acquire', 'release', 'acquireTimeout'] as const) {
    db.on(event, (record) => events.push(record))
  }
  return { clock, driver, dsn, db, events }
}

const TROUBLES = ['down', 'silent', 'starting', 'refusing', 'full', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }] as const

describe('law 14: no fault leaves its place', () => {
  test('whatever fails, no password is shown, and nothing reaches unhandledRejection', async () => {
    const escaped: unknown[] = []
    const escape = (error: unknown): void => void escaped.push(error)
    process.on('unhandledRejection', escape)
    process.on('uncaughtException', escape)
    const { clock, driver, dsn, db, events } = setUp()
    const errors: unknown[] = []
    const failing = <T>(promise: Promise<T>): void => void promise.catch((error: unknown) => errors.push(error))
    const [db1, db2, db3] = ['db1', 'db2', 'db3'].map((name) => driver.host(name))
    if (db1 === undefined || db2 === undefined || db3 === undefined) throw new Error('no hosts')

    for (const trouble of TROUBLES) {
      for (const host of driver.hosts) host.suffer(trouble)
      failing(db.acquireMaster({ timeoutMs: 300 }))
      failing(db.acquireReplica({ timeoutMs: 300, signal: AbortSignal.abort(new Error('gone')) }))
      failing(db.ready({ timeoutMs: 200 }))
      await clock.advance(400)
      db1.become({ role: 'master', timeline: 2 })
      db2.become({ role: 'master', timeline: 1 })
      db3.become({ role: 'master', systemId: '9' })
      await clock.advance(31_000)
      for (let index = 0; index < 3; index += 1)
        failing(db.acquireMaster({ timeoutMs: 50 }).then((held) => held.hang()))
      await clock.advance(60)
      for (const connection of db1.connections)
        connection.complain(coded('25006', 'cannot execute in a read-only transaction'))
      db1.suffer(trouble)
      await clock.advance(3_000)
    }
    for (const bad of [{ timeout: 1 }, { readOnly: true, masterAsReplicaWeight: 2 }]) failing(db.acquire(bad as object))
    failing(db.ready({ mastersCount: 1 }))
    expectSilence('the manager', db)
    expectSilence('the topology', db.topology)
    expectSilence('the metrics', db.metrics())
    const closing = db.terminate()
    failing(db.acquire())
    await clock.advance(10_000)
    await closing
    process.off('unhandledRejection', escape)
    process.off('uncaughtException', escape)

    expect(escaped).toEqual([])
    expect(new Set(errors.map((error) => (error instanceof Error ? error.name : 'none'))).size).toBeGreaterThanOrEqual(
      6,
    )
    expect(events.length).toBeGreaterThan(50)
    expect(clock.openTimers).toBe(0)
    for (const [index, error] of errors.entries()) expectSilence(`error ${index}`, error)
    for (const [index, record] of events.entries()) expectSilence(`event ${index}`, record)
    expectSilence('the DSN', dsn)
    expectSilence('the hosts', [...dsn.hosts])
    expectSilence('the closed manager', db)
  })

  test('the canary would be found: in every disguise', () => {
    const inside = (text: string): unknown => ({ nested: [new Error(`before ${text} after`)] })
    const base64 = Buffer.from(`app:${CANARY}@db`).toString('base64')
    for (const text of [CANARY, encodeURIComponent(CANARY), base64]) {
      expect(DISGUISES.some((disguise) => renderings(inside(text)).includes(disguise))).toBe(true)
    }
    expect(parse(`postgresql://u:${encodeURIComponent(CANARY)}@h`).hosts[0].readPassword()).toBe(CANARY)
  })
})
