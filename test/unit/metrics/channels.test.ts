import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, test } from 'vitest'
import type { AcquireMessage, ProbeMessage, TopologyMessage } from '../../../src/metrics/channels.ts'
import { startedRig } from '../../support/scripted/rig.ts'

interface Heard<TMessage> {
  readonly told: string[]
  readonly messages: TMessage[]
}

const offs: (() => void)[] = []
afterEach(() => {
  for (const off of offs.splice(0)) off()
})

/** Listens to all five channels of one name, and notes what is told of one manager, in order. */
function listen<TMessage extends { readonly manager: object }>(name: string, manager: object): Heard<TMessage> {
  const heard: Heard<TMessage> = { told: [], messages: [] }
  const note = (what: string) => (message: object) => {
    const told = message as TMessage
    if (told.manager !== manager) return
    heard.told.push(what)
    if (!heard.messages.includes(told)) heard.messages.push(told)
  }
  const all = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const channel = tracingChannel(name)
  channel.subscribe(all)
  offs.push(() => channel.unsubscribe(all))
  return heard
}

describe('hasql:acquire', () => {
  test('tells an acquire from the call to the lease', async () => {
    const { db, clock } = await startedRig({ db1: 'master' })
    const { told, messages } = listen<AcquireMessage>('hasql:acquire', db)
    const got = db.acquireMaster({ timeoutMs: 700 })
    expect(told).toEqual(['start', 'end'])
    await clock.settle()
    await got
    expect(told).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    const startedAtMs = clock.nowMs()
    expect(messages).toEqual([
      {
        manager: db,
        role: 'master',
        timeoutMs: 700,
        host: 'db1:5432',
        startedAtMs,
        chosenAtMs: startedAtMs,
        endedAtMs: startedAtMs,
      },
    ])
  })

  test('tells waiting for a host from waiting for a connection', async () => {
    const { db, clock, set, host } = await startedRig({ db1: 'down' })
    const { messages } = listen<AcquireMessage>('hasql:acquire', db)
    const got = db.acquireMaster()
    await clock.advance(300)
    host('db1').manualConnects = true
    set({ db1: 'master' })
    await clock.advance(60)
    await clock.advance(40)
    host('db1').pool?.succeed()
    await got
    const { startedAtMs = 0, chosenAtMs = 0, endedAtMs = 0 } = messages[0] ?? {}
    expect(chosenAtMs - startedAtMs).toBeGreaterThanOrEqual(300)
    expect(endedAtMs - chosenAtMs).toBeGreaterThanOrEqual(40)
    expect(endedAtMs - startedAtMs).toBe(400)
  })

  test('tells why there is no connection', async () => {
    const { db, clock } = await startedRig({ db1: 'down' })
    const { told, messages } = listen<AcquireMessage>('hasql:acquire', db)
    const failed = db.acquireReplica({ timeoutMs: 50 }).catch((error: unknown) => error)
    await clock.advance(60)
    expect(told).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(messages[0]).toMatchObject({ role: 'replica', host: undefined, chosenAtMs: undefined, error: await failed })
  })

  test('an error of a subscriber is the subscriber’s, and disturbs no acquire', async () => {
    const { db, clock } = await startedRig({ db1: 'master' })
    const escaped: unknown[] = []
    const escape = (error: unknown): void => void escaped.push(error)
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', escape)
    const bug = new Error('a bug of the subscriber')
    const fail = (): void => {
      throw bug
    }
    subscribe('tracing:hasql:acquire:start', fail)
    const got = db.acquireMaster()
    await clock.settle()
    await clock.settle()
    unsubscribe('tracing:hasql:acquire:start', fail)
    process.off('uncaughtException', escape)
    for (const other of others) process.on('uncaughtException', other)
    expect((await got).hostId).toBe('db1:5432')
    expect(escaped).toEqual([bug])
  })
})

test('hasql:probe tells each check, what it brought, or what its failing says', async () => {
  const { db, clock, set } = await startedRig({ db1: 'master' })
  const { told, messages } = listen<ProbeMessage>('hasql:probe', db)
  await clock.advance(1_000)
  expect(told).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  set({ db1: 'down' })
  await clock.advance(1_000)
  expect(told.slice(4, 9)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  const [answered, failed] = messages
  expect(answered).toMatchObject({ host: 'db1:5432', probe: 2, roundTripMs: 0, answer: { inRecovery: false } })
  expect(failed).toMatchObject({ host: 'db1:5432', probe: 3, fault: 'down' })
  expect(failed?.error?.message).toContain('ECONNREFUSED')
})

test('hasql:topology tells what changes, before it takes effect and after', async () => {
  const { db, clock, set, events } = await startedRig({ db1: 'master', db2: 'replica' })
  const { told, messages } = listen<TopologyMessage>('hasql:topology', db)
  const before: number[] = []
  const count = (): void => void before.push(events.length)
  subscribe('tracing:hasql:topology:start', count)
  offs.push(() => void unsubscribe('tracing:hasql:topology:start', count))
  const known = events.length
  await clock.advance(3_000)
  expect(told).toEqual([])
  set({ db1: 'down' })
  await clock.advance(500)
  expect(told.slice(0, 2)).toEqual(['start', 'end'])
  expect(before[0]).toBe(known)
  const kinds = messages.flatMap(({ changes }) => changes.map(({ kind }) => kind))
  expect(kinds).toEqual(expect.arrayContaining(['host-changed', 'master-lost', 'connections-void']))
  const last = messages.at(-1)
  expect(last?.topology.masterlessSinceMs).toBe(db.topology.masterlessSinceMs)
  expect(last?.atMs).toBeLessThanOrEqual(clock.nowMs())
})

test('what nobody listens to any more is not told', async () => {
  const { db, clock } = await startedRig({ db1: 'master' })
  const { told } = listen('hasql:acquire', db)
  for (const off of offs.splice(0)) off()
  const got = db.acquireMaster()
  await clock.settle()
  await got
  expect(told).toEqual([])
})
