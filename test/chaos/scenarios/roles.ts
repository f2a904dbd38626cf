import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, Scenario } from '../frame/scenario.ts'
import { readyAtMs } from '../frame/server-log.ts'
import { REFRESH_DELAY_MS, Stage, pause } from '../frame/stage.ts'
import { failures, promote } from './master-gone.ts'
import { FIRST_WRITE_MS } from './stopped.ts'

/** R13 and R14: masters that are two at once, and one that becomes a replica. */
export const roles: readonly Scenario[] = [
  { row: 'R13', name: 'two replicas promoted to one timeline', run: promotedTwice },
  { row: 'R14', name: 'master demoted by a restart as standby', run: demoted },
]

async function promotedTwice(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, heir, other] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  await master.stop('immediate')
  const { firstWriteMs } = await promote(stage, heir)
  const startMs = performance.now()
  await other.promote()
  await pause(2_500)
  const failed = failures(stage, startMs)
  const rivals = stage.workload.writes.filter(({ executor }) => executor?.server === other.port).length
  const measures = [
    atMostMs('all writers write again, after the first promotion', firstWriteMs, FIRST_WRITE_MS),
    atLeast('split brain events', stage.watch.splitBrains.filter(({ host }) => host === stage.hostId(other)).length, 1),
    atMost('writes on the rival', rivals, 0),
    atMost('failover events', stage.watch.masterChanges.length - changes, 1),
    // Reads that were running on the replica when it ceased to be one.
    atMost('failed operations after the second promotion', failed.writes + failed.reads, 4),
  ]
  await stage.retire(other)
  await other.rejoin(heir)
  await stage.retire(master)
  await master.rejoin(heir)
  await stage.settle()
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

async function demoted(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, heir, other] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  await master.stop('fast')
  const { firstWriteMs } = await promote(stage, heir)
  const failed = failures(stage, startMs)
  await master.rejoin(heir)
  const readyMs = readyAtMs(master)
  const serves = (): number | undefined =>
    stage.workload.reads.find(({ server, endedAtMs }) => server === master.port && endedAtMs > readyMs)?.endedAtMs
  await stage.workload.until('the old master serves reads', () => serves() !== undefined)
  const servesMs = (serves() ?? Infinity) - readyMs
  await other.rejoin(heir)
  await stage.settle()
  const measures = [
    atMostMs('all writers write again, after the promotion', firstWriteMs, FIRST_WRITE_MS),
    atMostMs('the old master serves reads, after it is ready', servesMs, REFRESH_DELAY_MS + 100),
    atMost('failed operations', failed.writes + failed.reads, 8),
    atMost('failover events', stage.watch.masterChanges.length - changes, 1),
  ]
  const { verdict, violations } = await stage.finish()
  return { measures, violations, notes: [`${verdict.acknowledged} writes acknowledged, ${verdict.unknown} unknown`] }
}
