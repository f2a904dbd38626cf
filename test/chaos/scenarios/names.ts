import type { PgNode } from 'hasql/testing'
import { NameServer } from '../../support/name-server.ts'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'
import { failures, longestStallMs, promote } from './master-gone.ts'
import { FIRST_WRITE_MS } from './stopped.ts'

/** R24: the name server says nothing any more, of one host or of all. */
export const names: readonly Scenario[] = [{ row: 'R24', name: 'name server silent', run }]

/** A look-up that hangs is given 250 ms before the addresses last known are taken. */
const LOOK_UP_MS = 250
/** One look-up for the connection that checks the host, and one for the first that is leased, which waits for the check. */
const RECONNECT_MS = 2 * LOOK_UP_MS + FIRST_WRITE_MS

async function run(): Promise<Outcome> {
  const server = new NameServer()
  const front = async (node: PgNode): Promise<{ host: string; port: number }> => {
    server.set(`${node.name}.test`, ['127.0.0.1'])
    return { host: `${node.name}.test`, port: node.port }
  }
  await using stage = await Stage.open({ front, manager: { lookup: server.lookup } })
  const [master, heir, other] = await stage.cast()
  const changes = stage.watch.masterChanges.length

  // One name hangs, and every connection to its host has to be made anew.
  server.set(`${master.name}.test`, 'hangs')
  const oneMs = performance.now()
  await endSessions(stage, master)
  await pause(1_500)
  const [stallMs, downs] = [longestStallMs(stage, oneMs), stage.watch.hostDowns.length]
  const othersMs = longestReadMs(stage, oneMs)
  const failedReads = failures(stage, oneMs).reads

  // All hang, and the master fails.
  for (const node of stage.cluster.nodes) server.set(`${node.name}.test`, 'hangs')
  await master.stop('fast')
  const { firstWriteMs } = await promote(stage, heir)
  await other.rejoin(heir)
  await master.rejoin(heir)
  await stage.settle()
  const measures = [
    atMostMs('name of the master hangs: longest stall of a writer', stallMs, RECONNECT_MS),
    atMost('name of the master hangs: hosts taken out', downs, 0),
    atMost('name of the master hangs: failed reads elsewhere', failedReads, 0),
    atMostMs('name of the master hangs: longest read elsewhere', othersMs, 250),
    atMostMs('all names hang: all writers write again, after a promotion', firstWriteMs, LOOK_UP_MS + FIRST_WRITE_MS),
    atMost('failover events', stage.watch.masterChanges.length - changes, 1),
    atLeast('look-ups of the master’s name', server.asked(`${master.name}.test`), 2),
  ]
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

async function endSessions({ cluster }: Stage, node: PgNode): Promise<void> {
  await node.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [cluster.user])
}

function longestReadMs({ workload }: Stage, sinceMs: number): number {
  const reads = workload.reads.filter(({ startedAtMs }) => startedAtMs >= sinceMs)
  return Math.max(0, ...reads.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs))
}
