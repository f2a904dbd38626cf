import { HostLostError } from 'hasql/pg'
import type { PgNode } from 'hasql/testing'
import { proxyFronts } from '../frame/proxy-fronts.ts'
import { atLeast, atMost } from '../frame/scenario.ts'
import type { Measure, Outcome, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'
import type { WriteRecord } from '../history/write-record.ts'

/** R21 and R22: a commit that is done and whose answer is not given. */
export const unknownOutcome: readonly Scenario[] = [
  { row: 'R21', name: 'commit waits for a synchronous replica', run: syncWait },
  { row: 'R22', name: 'commit done, its answer cut', run: answerCut },
]

const QUIET = { writers: 0, readers: 0 }

/** The commit is on the master's disk, and no replica confirms it: whatever ends the wait, it must not be called failed. */
async function syncWait(): Promise<Outcome> {
  await using stage = await Stage.open({ workload: QUIET })
  const [master] = await stage.cast()
  await stage.workload.write()
  await master.setting('synchronous_standby_names', 'nobody')
  const measures: Measure[] = []
  for (const [what, end] of [
    ['cancelled', (pid: number) => master.query('select pg_cancel_backend($1)', [pid])],
    ['session ended', (pid: number) => master.query('select pg_terminate_backend($1)', [pid])],
    ['server stopped', () => restarted(master)],
  ] as const) {
    const { write, pid } = await waitingWrite(stage, master)
    await end(pid)
    measures.push(...(await judged(what, write, master)))
  }
  await stage.db.waitMastersReady(1)
  const after = await stage.workload.write()
  measures.push(atLeast('a write afterwards acknowledged', after.outcome === 'acknowledged' ? 1 : 0, 1))
  const { verdict, violations } = await stage.finish()
  return { measures, violations, notes: [`${verdict.acknowledged} acknowledged, ${verdict.unknown} unknown`] }
}

async function restarted(master: PgNode): Promise<void> {
  await master.stop('fast')
  await master.setting('synchronous_standby_names', '')
  await master.start()
}

interface WaitingWrite {
  readonly write: Promise<WriteRecord>
  readonly pid: number
}

/** A write whose commit waits. The server takes a new setting up when its checkpointer gets to it: until then none waits. */
async function waitingWrite(stage: Stage, master: PgNode): Promise<WaitingWrite> {
  for (let attempt = 0; attempt < 100; attempt++) {
    let isOver = false
    const write = stage.workload.write().finally(() => (isOver = true))
    const pid = await waitingBackend(master, () => isOver)
    if (pid !== undefined) return { write, pid }
    await pause(50)
  }
  throw new Error('No commit waits for a synchronous replica')
}

async function waitingBackend(master: PgNode, isOver: () => boolean): Promise<number | undefined> {
  for (let attempt = 0; attempt < 500 && !isOver(); attempt++) {
    const [row] = await master.query<{ pid: number }>("select pid from pg_stat_activity where wait_event = 'SyncRep'")
    if (row !== undefined) return row.pid
    await pause(10)
  }
  return undefined
}

/** The row is there, and the application was told so, or told that the outcome is unknown; never that it failed. */
async function judged(what: string, pending: Promise<WriteRecord>, node: PgNode): Promise<readonly Measure[]> {
  const { id, outcome, error } = await pending
  const rows = await node.query('select 1 from writes where id = $1', [id])
  const typed = error === undefined || (error instanceof HostLostError && error.outcome === 'unknown')
  return [
    atLeast(`${what}: the row is there`, rows.length, 1),
    atMost(`${what}: called not executed`, outcome === 'not-executed' ? 1 : 0, 0),
    atLeast(`${what}: acknowledged, or HostLostError of unknown outcome`, typed ? 1 : 0, 1),
  ]
}

async function answerCut(): Promise<Outcome> {
  const { fronts, front, takeDown } = proxyFronts()
  await using stage = await Stage.open({ front, takeDown, workload: QUIET })
  const [master] = await stage.cast()
  const proxy = fronts.get(master)
  const measures: Measure[] = []
  for (let count = 1; count <= 3; count++) {
    await stage.workload.write()
    const cut = proxy?.when({ direction: 'toServer', pattern: 'insert into writes', then: 'cutReply' })
    const write = stage.workload.write()
    await cut
    await write
    await pause(50)
    measures.push(...(await judged('answer cut', write, master)))
  }
  const { verdict, violations } = await stage.finish()
  return { measures, violations, notes: [`${verdict.acknowledged} acknowledged, ${verdict.unknown} unknown`] }
}
