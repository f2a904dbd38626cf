import type { PgNode } from 'hasql/testing'
import { atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, Scenario } from '../frame/scenario.ts'
import { readyAtMs } from '../frame/server-log.ts'
import { Stage, pause } from '../frame/stage.ts'
import { failures, strike } from './master-gone.ts'
import type { Detection } from './master-gone.ts'
import { BEYOND_WITNESS_MS, DETECT_MS, FIRST_WRITE_MS } from './stopped.ts'

const IN_FLIGHT = 8

/** R4 and R5: the master crashes and comes back as what it was, after recovery (57P03); whoever asks meanwhile waits. */
export const crashed: readonly Scenario[] = [
  {
    row: 'R4',
    name: 'postmaster killed (SIGKILL), started again',
    run: () =>
      recovered(killPostmaster, async (master) => {
        // The end of its sockets is heard before the end of the process.
        while (master.pid !== undefined) await pause(5)
        await pause(300)
        await master.start()
      }),
  },
  { row: 'R5', name: 'one backend killed (SIGKILL), server recovers', run: () => recovered(killOneBackend) },
]

async function recovered(
  blow: (stage: Stage, master: PgNode) => Promise<Detection>,
  revive?: (master: PgNode) => Promise<void>,
): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  const { startMs, detectMs, witnessMs } = await blow(stage, master)
  await revive?.(master)
  const { workload } = stage
  const writersBack = (): number[] =>
    [1, 2, 3, 4].map(
      (each) =>
        workload.writes.find(({ writer, outcome, startedAtMs, sendings }) => {
          const sentMs = sendings.at(-1)?.atMs ?? startedAtMs
          return writer === each && outcome === 'acknowledged' && sentMs > startMs + detectMs
        })?.endedAtMs ?? Infinity,
    )
  await workload.until('every writer writes again', () => Math.max(...writersBack()) < Infinity)
  const readyMs = readyAtMs(master)
  const backMs = Math.max(...writersBack()) - readyMs
  const outMs = startMs + detectMs
  const late = [...workload.writes, ...workload.reads].filter(
    ({ startedAtMs, error }) => startedAtMs > outMs && error !== undefined,
  )
  const failed = failures(stage, startMs)
  await stage.settle()
  const failovers = stage.watch.masterChanges.length - changes
  const { verdict, violations } = await stage.finish()
  return {
    measures: [
      atMostMs('out of use', detectMs, DETECT_MS),
      atMostMs('out of use, after a bare client heard of it', Math.max(0, detectMs - witnessMs), BEYOND_WITNESS_MS),
      atMostMs('all writers write again, after recovery', Math.max(0, backMs), FIRST_WRITE_MS),
      atMost('failed operations', failed.writes + failed.reads, IN_FLIGHT),
      atMost('failed operations that began during the outage', late.length, 0),
      atMost('failover events', failovers, 0),
    ],
    violations,
    notes: [
      `a bare client heard after ${witnessMs.toFixed(1)} ms; the server was away for ${(readyMs - startMs).toFixed(0)} ms`,
      `${verdict.acknowledged} writes acknowledged, ${verdict.unknown} unknown, ${verdict.notExecuted} not executed`,
    ],
  }
}

async function killPostmaster(stage: Stage, master: PgNode): Promise<Detection> {
  return strike(stage, master, () => {
    if (master.pid !== undefined) process.kill(master.pid, 'SIGKILL')
  })
}

async function killOneBackend(stage: Stage, master: PgNode): Promise<Detection> {
  const pid = await stage.db.withMaster(
    async (connection) => (await connection.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid,
  )
  if (pid === undefined) throw new Error('The server did not name its process')
  return strike(stage, master, () => master.killBackend(pid))
}
