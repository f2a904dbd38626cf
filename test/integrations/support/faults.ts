import { describe, expect, test } from 'vitest'
import type { PgNode } from 'hasql/testing'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { openStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { Workload } from './workload.ts'

/** From the moment the new master accepts writes until the library has written there. */
const WRITES_AGAIN_MS = 250

/** Who believes to be master still, and may be talked to, has this long to be given a write by mistake. */
const STALE_MS = 500

/** The same story for every library: it reads and writes, something happens to a server, and it goes on. */
export function faultTests(library: Library): void {
  describe('survives', () => {
    test('stop', () => story(library, (stage, load) => gone(stage, load, () => stage.master.stop('fast'))))
    test('kill', () => story(library, (stage, load) => gone(stage, load, () => stage.master.kill())))
    test('freeze', () => story(library, freeze))
    test('promotion', () => story(library, switchOver))
    test('replica lost', () => story(library, replicaLost))
  })
}

async function story(library: Library, happens: (stage: Stage, load: Workload) => Promise<void>): Promise<void> {
  const stage = await openStage(library)
  try {
    const load = new Workload(stage.subject)
    try {
      await eventually('reads and writes are under way', () => load.isUnderWay())
      await happens(stage, load)
    } finally {
      await load.stop()
    }
  } finally {
    await stage.close()
  }
}

async function gone(stage: Stage, load: Workload, fault: () => Promise<void>): Promise<void> {
  await failOver(stage, load, fault)
}

/** The master goes, a replica is promoted. Answers with the moment it accepted writes. */
async function failOver(stage: Stage, load: Workload, fault: () => Promise<void>): Promise<number> {
  const heir = heirOf(stage)
  await fault()
  await heir.promote()
  const promotedMs = performance.now()
  await writesAgain(load, heir, promotedMs)
  await failedOnlyInFlight(load, { writes: load.workers, reads: 0 })
  return promotedMs
}

/** Once thawed, the old master takes writes; it must not be given any. */
async function freeze(stage: Stage, load: Workload): Promise<void> {
  const { master } = stage
  const promotedMs = await failOver(stage, load, () => master.freeze())
  master.thaw()
  await new Promise((resolve) => setTimeout(resolve, STALE_MS))
  await load.stop()
  const there = new Set((await master.query<{ id: number }>('select id from story')).map(({ id }) => id))
  const late = load.writes.filter(({ startMs }) => startMs > promotedMs)
  expect(late.length).toBeGreaterThan(0)
  expect(late.filter(({ id }) => there.has(id))).toEqual([])
  await failedOnlyInFlight(load, { writes: load.workers, reads: 0 })
}

/** A planned hand-over; the old master comes back as a replica and is read from. */
async function switchOver(stage: Stage, load: Workload): Promise<void> {
  const heir = heirOf(stage)
  await stage.cluster.switchover(heir)
  const doneMs = performance.now()
  await writesAgain(load, heir, doneMs)
  await eventually('the old master is read from', () =>
    load.reads.some(({ port, startMs }) => startMs > doneMs && port === stage.master.port),
  )
  // The old master is stopped, and the other replica may be started again to follow the new one.
  await failedOnlyInFlight(load, { writes: load.workers, reads: load.workers })
}

/** Reads go on with the other replica, and come back. */
async function replicaLost(stage: Stage, load: Workload): Promise<void> {
  const [lost, left] = stage.replicas
  if (lost === undefined || left === undefined) throw new Error('The cluster has too few replicas')
  await lost.kill()
  const lostMs = performance.now()
  const readsAt = (node: PgNode, sinceMs: number): number =>
    load.reads.filter(({ port, startMs }) => port === node.port && startMs > sinceMs).length
  await eventually('the other replica is read from', () => readsAt(left, lostMs) > 100)
  expect(readsAt(lost, lostMs)).toBe(0)
  await lost.start()
  await eventually('the replica is read from again', () => readsAt(lost, lostMs) > 0)
  await failedOnlyInFlight(load, { writes: 0, reads: load.workers })
}

async function writesAgain(load: Workload, heir: PgNode, sinceMs: number): Promise<void> {
  const there = (): number | undefined => load.writes.find(({ port }) => port === heir.port)?.endMs
  await eventually('the new master is written to', () => there() !== undefined)
  expect((there() ?? Infinity) - sinceMs).toBeLessThan(WRITES_AGAIN_MS)
  const seen = load.writes.length
  await eventually('more is written', () => load.writes.length > seen + 20)
  const strays = load.writes.filter(({ port, startMs }) => startMs > sinceMs && port !== heir.port)
  expect(strays).toEqual([])
}

/** What fails is at most what was on its way when the fault came: one operation of each worker. */
async function failedOnlyInFlight(load: Workload, most: { writes: number; reads: number }): Promise<void> {
  const said = (errors: readonly unknown[]): string => errors.map(String).join('\n')
  expect(load.failedWrites.length, said(load.failedWrites)).toBeLessThanOrEqual(most.writes)
  expect(load.failedReads.length, said(load.failedReads)).toBeLessThanOrEqual(most.reads)
}

function heirOf({ replicas }: Stage): PgNode {
  const [heir] = replicas
  if (heir === undefined) throw new Error('The cluster has no replica')
  return heir
}
