import { HostLostError } from 'hasql/pg'
import type { Random } from 'hasql/pg'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { CONNECT_TIMEOUT_MS, REFRESH_DELAY_MS, REFRESH_TIMEOUT_MS, Stage, pause } from '../frame/stage.ts'
import { isInUse } from '../frame/watch.ts'
import { bringBack, failures, longestStallMs, promote } from './master-gone.ts'

/** A silent host is out of use after the first missed check, at the latest. */
export const OUT_OF_USE_MS: number = REFRESH_DELAY_MS + REFRESH_TIMEOUT_MS + 100
/** What hangs on it is cut off after the second. */
export const HUNG_MS: number = OUT_OF_USE_MS + REFRESH_TIMEOUT_MS
export const LONGEST_STALL_MS = 3_200
const BACK_MS = 500

/** R6 to R8 and R12: the master, or a part of it, stands still (SIGSTOP). */
export const frozen: readonly Scenario[] = [
  { row: 'R6', name: 'postmaster frozen, its backends work', run: postmasterFrozen },
  { row: 'R7', name: 'one backend frozen', run: backendFrozen },
  { row: 'R8', name: 'master frozen, thawed as master', run: frozenAndBack },
  { row: 'R12', name: 'master frozen, replaced, thawed as stale master', run: frozenAndReplaced },
]

/** Connections that exist do all the work; those that cannot be made are given up in time. */
async function postmasterFrozen(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master] = await stage.cast()
  const [changes, downs] = [stage.watch.masterChanges.length, stage.watch.hostDowns.length]
  const connectErrors = (): number => stage.db.metrics().drivers.reduce((sum, each) => sum + each.connectErrors, 0)
  master.freezePostmasterOnly()
  const startMs = performance.now()
  const burst = await Promise.all(Array.from({ length: 20 }, () => stage.workload.write()))
  const burstMs = Math.max(...burst.map(({ endedAtMs }) => endedAtMs)) - startMs
  await stage.workload.until('connections that hang are given up', () => connectErrors() > 0)
  const givenUpMs = performance.now() - startMs
  await pause(200)
  master.thaw()
  const failed = failures(stage, startMs)
  await stage.settle()
  const measures = [
    atMostMs('20 writes at once, by the connections there are', burstMs, CONNECT_TIMEOUT_MS),
    atMostMs('hanging connects given up', givenUpMs, CONNECT_TIMEOUT_MS + 200),
    atMostMs('longest stall of a writer', longestStallMs(stage, startMs), 250),
    atMost('failed operations', failed.writes + failed.reads, 0),
    atMost('failovers', stage.watch.masterChanges.length - changes + stage.watch.hostDowns.length - downs, 0),
  ]
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

/** The host is well, and so only the caller's own time limit ends what hangs: that lease dies, no other. */
async function backendFrozen(): Promise<Outcome> {
  const queryTimeoutMs = 1_000
  await using stage = await Stage.open({ manager: { poolOptions: { query_timeout: queryTimeoutMs } } })
  const downs = stage.watch.hostDowns.length
  let pid: number | undefined
  let hungMs = 0
  const startMs = performance.now()
  const hung = await stage.db
    .withMaster(async (connection) => {
      pid = (await connection.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
      if (pid !== undefined) process.kill(pid, 'SIGSTOP')
      const sentMs = performance.now()
      await connection.query('select 1').finally(() => (hungMs = performance.now() - sentMs))
    })
    .catch((error: unknown) => error)
  const burst = await Promise.all(Array.from({ length: 20 }, () => stage.workload.write()))
  await pause(500)
  if (pid !== undefined) process.kill(pid, 'SIGCONT')
  const failed = failures(stage, startMs)
  const measures = [
    atLeast('the query on it rejected', hung instanceof Error ? 1 : 0, 1),
    atMostMs('the query on it rejected after', hungMs, queryTimeoutMs + 100),
    atMostMs('longest stall of a writer', longestStallMs(stage, startMs), 250),
    atMost('failed operations of others', failed.writes + failed.reads, 0),
    atMost('failed writes right after', burst.filter(({ error }) => error !== undefined).length, 0),
    atMost('hosts taken out', stage.watch.hostDowns.length - downs, 0),
  ]
  const { violations } = await stage.finish()
  return { measures, violations, notes: [] }
}

/** When whoever runs the cluster notices a silence and promotes: before hasql suspects it, between, or after it is sure. */
export function managerNoticesMs(random: Random): number {
  return Math.round(300 + 2_200 * random())
}

/** Measures of a host that has gone silent: when it is out of use, and when what hung on it was rejected. */
export async function goneSilent(
  stage: Stage,
  node: Parameters<Stage['hostId']>[0],
  startMs: number,
): Promise<readonly Measure[]> {
  const wait = { sinceMs: startMs }
  const hostId = stage.hostId(node)
  const outMs = await stage.watch.moment('the host is out of use', hostId, (host) => !isInUse(host), wait)
  await stage.watch.moment('what hangs is cut off', hostId, ({ kind }) => kind === 'unreachable', wait)
  await pause(50)
  const { reads, writes } = stage.workload
  const hung = [...reads, ...writes].filter(
    ({ error, endedAtMs }) => error instanceof HostLostError && endedAtMs > startMs,
  )
  return [
    atMostMs('out of use', outMs - startMs, OUT_OF_USE_MS),
    atMostMs('hung queries rejected', Math.max(0, ...hung.map(({ endedAtMs }) => endedAtMs)) - startMs, HUNG_MS),
    atMost('failed operations', failures(stage, startMs).writes + failures(stage, startMs).reads, 8),
  ]
}

async function frozenAndBack(): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  await master.freeze()
  const silence = await goneSilent(stage, master, startMs)
  master.thaw()
  const thawedMs = performance.now()
  const back = (): number[] =>
    [1, 2, 3, 4].map(
      (each) =>
        stage.workload.writes.find(
          ({ writer, outcome, endedAtMs }) => writer === each && outcome === 'acknowledged' && endedAtMs > thawedMs,
        )?.endedAtMs ?? Infinity,
    )
  await stage.workload.until('every writer writes again', () => Math.max(...back()) < Infinity)
  const measures = [
    ...silence,
    atMostMs('all writers write again, after the thaw', Math.max(...back()) - thawedMs, BACK_MS),
    atMost('failover events', stage.watch.masterChanges.length - changes, 0),
  ]
  await stage.settle()
  const { verdict, violations } = await stage.finish()
  return { measures, violations, notes: [`${verdict.unknown} writes of unknown outcome`] }
}

/** hasql's own scenario: replaced while frozen, it comes back and believes to be master still. */
async function frozenAndReplaced({ random }: RunContext): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, heir, other] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  await master.freeze()
  const silent = goneSilent(stage, master, startMs)
  const noticedMs = managerNoticesMs(random)
  await pause(noticedMs)
  const { firstWriteMs } = await promote(stage, heir)
  const silence = await silent
  const stallMs = longestStallMs(stage, startMs)
  master.thaw()
  await pause(2_000)
  const stale = stage.watch.staleMasters.filter((host) => host === stage.hostId(master)).length
  const measures = [
    ...silence,
    atMostMs('longest stall of a writer', stallMs, LONGEST_STALL_MS),
    atLeast('seen as a stale master', stale, 1),
    atMost('failover events', stage.watch.masterChanges.length - changes, 1),
  ]
  await bringBack(stage, master, heir, other)
  const { verdict, violations } = await stage.finish()
  return {
    measures,
    violations,
    notes: [
      `promoted ${noticedMs} ms into the freeze; all wrote again ${firstWriteMs.toFixed(0)} ms after that`,
      `${verdict.unknown} writes of unknown outcome, ${verdict.lostByPostgres} acknowledged ones lost by PostgreSQL`,
    ],
  }
}
