import { HostLostError } from 'hasql/pg'
import type { PgNode } from 'hasql/testing'
import type { Drill } from './drill.ts'
import { READERS, REFRESH_DELAY_MS, REFRESH_TIMEOUT_MS, WRITERS, momentWhen, sleep } from './drill.ts'

/** What one fault cost, and what it may cost at most. */
export interface FaultReport {
  readonly fault: string
  /** From the fault to the host being out of use, in milliseconds; undefined where the fault is planned. */
  readonly detectMs: number | undefined
  readonly detectBoundMs: number | undefined
  /** From the first write the new master accepted to the application's first good write; undefined without a promotion. */
  readonly firstWriteMs: number | undefined
  readonly firstWriteBoundMs: number | undefined
  /** From the host being out of use to the last rejection of a query that hung on it. */
  readonly hungMs: number | undefined
  readonly hungBoundMs: number | undefined
  readonly failedWrites: number
  readonly failedReads: number
  /** Failed operations may be no more than could be in flight. */
  readonly failedBound: number
  /** Writes found on the stale master that were sent after its replacement was known: may only be 0. */
  readonly staleWrites: number
  /** Writes found there that had reached it before it was taken out of use; the application was told "outcome unknown". */
  readonly unknownWrites: number
}

const NOTHING = {
  firstWriteMs: undefined,
  firstWriteBoundMs: undefined,
  hungMs: undefined,
  hungBoundMs: undefined,
  staleWrites: 0,
  unknownWrites: 0,
}

export type Fault = (drill: Drill) => Promise<FaultReport>

/** A replica loses power, and comes back. */
export async function replicaKilled(drill: Drill): Promise<FaultReport> {
  const [replica] = await drill.cluster.replicas()
  if (replica === undefined) throw new Error('The cluster has no replica')
  const startMs = performance.now()
  const detected = momentWhen(() => !drill.isInUse(replica), 5_000)
  await replica.kill()
  const detectMs = (await detected) - startMs
  await sleep(300)
  const cost = failures(drill, startMs, READERS)
  await replica.start()
  await drill.settle()
  return {
    ...NOTHING,
    fault: 'replica killed and back',
    detectMs,
    detectBoundMs: 50,
    ...cost,
  }
}

/** The master is shut down (`fast`), a replica promoted. */
export function masterStopped(drill: Drill): Promise<FaultReport> {
  return masterGone(drill, 'master stopped', (master) => master.stop('fast'))
}

/** The master loses power, a replica is promoted. */
export function masterKilled(drill: Drill): Promise<FaultReport> {
  return masterGone(drill, 'master killed', (master) => master.kill())
}

async function masterGone(
  drill: Drill,
  fault: string,
  strike: (master: PgNode) => Promise<void>,
): Promise<FaultReport> {
  const [master, heir, other] = await cast(drill)
  const startMs = performance.now()
  const detected = momentWhen(() => !drill.isInUse(master), 5_000)
  await strike(master)
  const detectMs = (await detected) - startMs
  const firstWriteMs = await promoteAndTime(drill, heir)
  const cost = failures(drill, startMs, WRITERS + READERS)
  await other.rejoin(heir)
  await master.rejoin(heir)
  await drill.settle()
  return {
    ...NOTHING,
    ...cost,
    fault,
    detectMs,
    detectBoundMs: 50,
    firstWriteMs,
    firstWriteBoundMs: 100,
  }
}

/** The master freezes, is replaced, and comes back to life believing that it still is the master. */
export async function masterFrozen(drill: Drill): Promise<FaultReport> {
  const [master, heir, other] = await cast(drill)
  const startMs = performance.now()
  const outOfUse = momentWhen(() => !drill.isInUse(master), 10_000)
  await master.freeze()
  const fencedMs = await outOfUse
  await momentWhen(() => drill.stateOf(master).kind === 'unreachable', 10_000)
  await sleep(50)
  const hung = drill.workload.since(startMs).filter(({ error }) => error instanceof HostLostError)
  const hungMs = Math.max(0, ...hung.map(({ endedAtMs }) => endedAtMs - startMs))
  const firstWriteMs = await promoteAndTime(drill, heir)
  const stale = await thawAndCount(drill, master, heir, fencedMs)
  const cost = failures(drill, startMs, WRITERS + READERS)
  await other.rejoin(heir)
  await master.rejoin(heir)
  await drill.settle()
  return {
    ...cost,
    ...stale,
    fault: 'master frozen, thawed as stale',
    detectMs: fencedMs - startMs,
    detectBoundMs: REFRESH_DELAY_MS + REFRESH_TIMEOUT_MS + 100,
    firstWriteMs,
    firstWriteBoundMs: 100,
    hungMs: Math.max(0, hungMs - (fencedMs - startMs)),
    hungBoundMs: REFRESH_TIMEOUT_MS + 100,
  }
}

/** A switchover somebody planned: the old master is shut down cleanly and returns as a replica. */
export async function switchover(drill: Drill): Promise<FaultReport> {
  const [master, heir, other] = await cast(drill)
  const startMs = performance.now()
  await master.stop('fast')
  const firstWriteMs = await promoteAndTime(drill, heir)
  const cost = failures(drill, startMs, WRITERS + READERS)
  await master.rejoin(heir)
  await other.rejoin(heir)
  await drill.settle()
  return {
    ...NOTHING,
    ...cost,
    fault: 'planned switchover',
    detectMs: undefined,
    detectBoundMs: undefined,
    firstWriteMs,
    firstWriteBoundMs: 100,
  }
}

export const FAULTS: readonly Fault[] = [replicaKilled, masterStopped, masterKilled, masterFrozen, switchover]

async function cast({ cluster }: Drill): Promise<[master: PgNode, heir: PgNode, other: PgNode]> {
  const master = await cluster.master()
  const [heir, other] = await cluster.replicas()
  if (heir === undefined || other === undefined) throw new Error('The cluster needs two replicas')
  return [master, heir, other]
}

/** Promotes a node; the clock starts when the node itself accepts a write and stops at the application's first one. */
async function promoteAndTime({ workload, db }: Drill, heir: PgNode): Promise<number> {
  const beforeMs = performance.now()
  await heir.promote()
  const acceptsMs = performance.now()
  const isGood = (): boolean =>
    workload.operations.some(
      ({ kind, port, endedAtMs }) => kind === 'write' && port === heir.port && endedAtMs > beforeMs,
    )
  await momentWhen(isGood, 10_000)
  await db.waitMastersReady(1)
  const first = workload.operations.find(
    ({ kind, port, endedAtMs }) => kind === 'write' && port === heir.port && endedAtMs > beforeMs,
  )
  return Math.max(0, (first?.endedAtMs ?? Infinity) - acceptsMs)
}

/** Lets the old master believe for two seconds that it still is one, and looks what that brought it. */
async function thawAndCount(
  { workload }: Drill,
  stale: PgNode,
  master: PgNode,
  fencedMs: number,
): Promise<{ staleWrites: number; unknownWrites: number }> {
  stale.thaw()
  await sleep(2_000)
  const kept = new Set((await master.query<{ id: string }>('select id from writes')).map(({ id }) => Number(id)))
  const found = (await stale.query<{ id: string }>('select id from writes')).map(({ id }) => Number(id))
  const only = found.filter((id) => !kept.has(id))
  const late = only.filter((id) => (workload.sentAtMs(id) ?? Infinity) >= fencedMs)
  return { staleWrites: late.length, unknownWrites: only.length - late.length }
}

function failures(
  { workload }: Drill,
  startMs: number,
  failedBound: number,
): { failedWrites: number; failedReads: number; failedBound: number } {
  const failed = workload.since(startMs).filter(({ error }) => error !== undefined)
  const failedWrites = failed.filter(({ kind }) => kind === 'write').length
  return { failedWrites, failedReads: failed.length - failedWrites, failedBound }
}
