import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Emitter } from '../../../src/manager/events.ts'
import type { ManagerEvents } from '../../../src/manager/events.ts'
import { rig, startedRig } from '../../support/scripted/rig.ts'

const PAIR = { db1: 'master', db2: 'replica' } as const

describe('an emitter', () => {
  interface Events {
    readonly said: { readonly what: string }
    readonly other: { readonly n: number }
  }

  test('tells each listener of its event, in order, until it is taken off', () => {
    const emitter = new Emitter<Events>(() => undefined)
    const heard: string[] = []
    const off = emitter.on('said', ({ what }) => heard.push(`a ${what}`))
    emitter.on('said', ({ what }) => heard.push(`b ${what}`))
    emitter.emit('said', { what: 'x' })
    emitter.emit('other', { n: 1 })
    off()
    off()
    emitter.emit('said', { what: 'y' })
    expect(heard).toEqual(['a x', 'b x', 'b y'])
  })

  test('tells nobody after it was cleared, and those who come later', () => {
    const emitter = new Emitter<Events>(() => undefined)
    const heard: string[] = []
    const off = emitter.on('said', () => heard.push('before'))
    emitter.clear()
    emitter.emit('said', { what: '' })
    emitter.on('said', () => heard.push('after'))
    off()
    emitter.emit('said', { what: '' })
    expect(heard).toEqual(['after'])
  })

  test('a listener that is added or taken off meanwhile changes nothing for this event', () => {
    const emitter = new Emitter<Events>(() => undefined)
    const heard: string[] = []
    emitter.on('said', () => {
      heard.push('a')
      offB()
      emitter.on('said', () => heard.push('late'))
    })
    const offB = emitter.on('said', () => heard.push('b'))
    emitter.emit('said', { what: '' })
    expect(heard).toEqual(['a', 'b'])
  })

  test('what a listener throws is reported, and the others hear the event all the same', () => {
    const reported: unknown[] = []
    const heard: string[] = []
    const emitter = new Emitter<Events>((error) => reported.push(error))
    const bug = new Error('a bug')
    emitter.on('said', () => {
      throw bug
    })
    emitter.on('said', () => heard.push('b'))
    emitter.emit('said', { what: '' })
    expect([reported, heard]).toEqual([[bug], ['b']])
  })
})

describe('the events of a manager', () => {
  test('come after the effects: what a listener asks is answered by the new snapshot', async () => {
    const { db, clock } = rig(PAIR)
    const seen: unknown[] = []
    db.on('masterChange', ({ after }) => seen.push([after, db.masterPoolCount, db.topology.fencing.incumbent]))
    db.start()
    await clock.settle()
    expect(seen).toEqual([['db1:5432', 1, 'db1:5432']])
  })

  test('tell of leases, with the time that was waited', async () => {
    const { db, clock, set } = rig({ db1: 'down' })
    const seen: string[] = []
    db.on('acquire', ({ host, connection, waitedMs }) => seen.push(`acquire ${host} ${connection.id} ${waitedMs}`))
    db.on('release', ({ host, connection }) => seen.push(`release ${host} ${connection.id}`))
    const write = db.acquireMaster()
    await clock.advance(300)
    set({ db1: 'master' })
    await clock.advance(60)
    ;(await write).release()
    expect(seen).toEqual([expect.stringMatching(/^acquire db1:5432 1 3[0-5]\d/), 'release db1:5432 1'])
  })

  test('tell of each new snapshot that has news, and of no other', async () => {
    const { db, clock } = await startedRig(PAIR)
    const revisions: number[] = []
    db.on('topologyChange', ({ topology }) => revisions.push(topology.revision))
    await clock.advance(3_000)
    expect(revisions).toEqual([])
    expect(db.topology.revision).toBeGreaterThan(4)
  })

  test('law 14: a listener that throws surfaces as the application’s bug, and stops nothing', async () => {
    const { db, clock, set } = rig(PAIR)
    const surfaced: unknown[] = []
    const surface = clock.afterPendingIo.bind(clock)
    clock.afterPendingIo = (callback) =>
      surface(() => {
        try {
          callback()
        } catch (error) {
          surfaced.push(error)
        }
      })
    const bug = new Error('a bug of the application')
    db.on('hostUp', () => {
      throw bug
    })
    db.start()
    await clock.settle()
    expect(surfaced).toEqual([bug, bug])
    expect([db.masterPoolCount, db.replicaPoolCount]).toEqual([1, 1])
    set({ db2: { role: 'master', timeline: 2 } })
    await clock.advance(1_000)
    expect(db.metrics().drivers[1]?.state).toBe('master')
  })
})

/** A record, so that the compiler misses none. */
const ALL: Readonly<Record<keyof ManagerEvents<unknown>, true>> = {
  hostUp: true,
  hostDown: true,
  roleChange: true,
  masterChange: true,
  staleMaster: true,
  masterAccepted: true,
  splitBrain: true,
  foreignCluster: true,
  replicaDetached: true,
  replicaFollows: true,
  topologyChange: true,
  acquire: true,
  release: true,
  connect: true,
  acquireTimeout: true,
  leasesStuck: true,
  syncWait: true,
  syncWaitEnded: true,
}

test('the README lists every event, and no other', () => {
  const [row = ''] = /^\| `on\(event, listener\)`.*$/m.exec(readFileSync('README.md', 'utf8')) ?? []
  const [, ...listed] = [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
  expect(listed.sort()).toEqual(Object.keys(ALL).sort())
})
