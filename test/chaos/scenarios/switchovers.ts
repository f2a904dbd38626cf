import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { heapInUse } from '../frame/heap.ts'
import { loggedAtMs } from '../frame/server-log.ts'
import { Stage, USUAL_WORKLOAD, pause } from '../frame/stage.ts'
import { failures } from './master-gone.ts'
import { FIRST_WRITE_MS } from './stopped.ts'

const OUTAGE_MS = 400
const HEAP_MB = 4
/** Two of each kind have hasql run again what was not executed. */
const WORKLOAD = { ...USUAL_WORKLOAD, retrying: 2 }

/** R15 and R16: work that goes on while the servers are, one after the other, taken away for planned reasons. */
export const switchovers: readonly Scenario[] = [
  { row: 'R15', name: 'switchovers under load', run: switchOverAndOver },
  { row: 'R16', name: 'rolling restart of three hosts', run: rollingRestart },
]

async function switchOverAndOver({ quick, random }: RunContext): Promise<Outcome> {
  const rounds = quick ? 6 : 200
  await using stage = await Stage.open({ workload: WORKLOAD })
  const sockets = socketCount()
  const connectionsBefore = connectionCount(stage)
  const heapBefore = heapInUse()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  const done: Round[] = []
  for (let round = 0; round < rounds; round++) {
    done.push(await switchOver(stage))
    await pause(200 * random())
  }
  const failed = failures(stage, startMs)
  const failovers = stage.watch.masterChanges.length - changes
  const retried = withRetry(stage)
  const [reads, writes] = [stage.workload.reads.length, stage.workload.writes.length]
  await stage.settle()
  const rest: Measure[] = []
  const { verdict, violations } = await stage.finish(async () => {
    await pause(200)
    const moreSockets = socketCount() - sockets - (connectionCount(stage) - connectionsBefore)
    rest.push(
      atMost('sockets that nobody counts', moreSockets, 0),
      atMost('backends that nobody counts', await strayBackends(stage), 0),
      atMost('connections beyond the pools', Math.max(0, excess(stage)), 0),
      atMost('listeners of a pool', Math.max(...stage.db.pools.map((pool) => pool.listenerCount('error'))), 1),
      atMost('heap grown, in MB', (heapInUse() - heapBefore) / 2 ** 20, HEAP_MB),
    )
  })
  const stallsMs = done.flatMap((round) => round.stallsMs)
  return {
    measures: [
      atMostMs('longest stall of a writer, 99th percentile', percentile(stallsMs, 0.99), OUTAGE_MS),
      atMostMs(
        'of it after the promotion, 99th percentile',
        percentile(
          done.map(({ ownMs }) => ownMs),
          0.99,
        ),
        FIRST_WRITE_MS,
      ),
      atMost('failover events too many', failovers - rounds, 0),
      atMost('failed writes per switchover', failed.writes / rounds, USUAL_WORKLOAD.writers),
      atMost('failed reads per switchover', failed.reads / rounds, 1),
      atMost('with retry: failed reads', retried.reads, 0),
      atMost('with retry: failed writes of known outcome', retried.known, 0),
      atMost('with retry: failed writes the server log does not explain', retried.unexplained, 0),
      ...rest,
    ],
    violations,
    notes: [
      `${rounds} switchovers; stall of a writer: ${spread(stallsMs)}`,
      `of it PostgreSQL's stop ${spread(done.map(({ stopMs }) => stopMs))}, its promotion ${spread(done.map(({ promotionMs }) => promotionMs))}, hasql after that ${spread(done.map(({ ownMs }) => ownMs))}`,
      `${writes} writes (${verdict.unknown} unknown, ${verdict.notExecuted} not executed), ${reads} reads (${failed.reads} failed); with retry ${retried.unknown} writes of unknown outcome`,
      ...retried.told,
    ],
  }
}

/** Replicas first, then the master, after it has handed over. All readers have hasql run again what failed. */
async function rollingRestart(): Promise<Outcome> {
  await using stage = await Stage.open({ workload: { ...USUAL_WORKLOAD, retrying: 4 } })
  const startMs = performance.now()
  const [, ...replicas] = await stage.cast()
  for (const replica of replicas) {
    await replica.restart()
    await stage.settle()
  }
  const turnMs = performance.now()
  const before = failures(stage, startMs)
  await stage.cluster.switchover()
  await stage.settle()
  const failed = failures(stage, startMs)
  const { verdict, violations } = await stage.finish()
  return {
    measures: [
      atMost('failed reads', failed.reads, 0),
      atMost("failed writes before the master's turn", before.writes, 0),
      atMost("failed writes in the master's turn", failed.writes, USUAL_WORKLOAD.writers),
      atLeast('writes', verdict.acknowledged, 100),
    ],
    violations,
    notes: [
      `${((performance.now() - turnMs) / 1_000).toFixed(1)} s for the master's turn; ${verdict.unknown} writes of unknown outcome`,
    ],
  }
}

/** How those fared who have hasql run again what was not executed. A shutdown in the log explains an unknown outcome. */
function withRetry({ workload, cluster }: Stage): Retried {
  const shutdownsMs = cluster.nodes.flatMap((node) => loggedAtMs(node, 'received fast shutdown request'))
  const failed = workload.writes.filter(({ retry, error }) => retry && error !== undefined)
  const unexplained = failed.filter(
    ({ endedAtMs }) => !shutdownsMs.some((atMs) => endedAtMs >= atMs - 10 && endedAtMs <= atMs + 1_000),
  )
  const unknown = failed.filter(({ outcome }) => outcome === 'unknown').length
  return {
    reads: workload.reads.filter(({ retry, error }) => retry && error !== undefined).length,
    known: failed.length - unknown,
    unknown,
    unexplained: unexplained.length,
    told: failed.map(
      ({ error, sendings, startedAtMs, endedAtMs, outcome }) =>
        `with retry, ${outcome} after ${sendings.length} attempts and ${(endedAtMs - startedAtMs).toFixed(0)} ms: ${String(error)}`,
    ),
  }
}

/** How many failed although hasql runs again what was not executed, and what the writers were told. */
interface Retried extends Record<'reads' | 'known' | 'unknown' | 'unexplained', number> {
  readonly told: readonly string[]
}

/** What one switchover took, in milliseconds. */
interface Round {
  /** From asking the old master to stop until its processes had ended. */
  readonly stopMs: number
  /** From asking the new one until it accepted writes. */
  readonly promotionMs: number
  /** From then until the last writer's first acknowledged write. */
  readonly ownMs: number
  /** Of each writer, from its last acknowledged write on the old master to its first on the new one. */
  readonly stallsMs: readonly number[]
}

/** As `cluster.switchover` does it, with each step timed. */
async function switchOver(stage: Stage): Promise<Round> {
  const [master, heir, other] = await stage.cast()
  const startMs = performance.now()
  await master.stop('fast')
  const stoppedMs = performance.now()
  const promotionMs = await heir.promote()
  const acceptsMs = performance.now()
  const back = await stage.workload.backOn(heir.port, startMs)
  // Only now: copying and comparing files in this process would hold up the application whose stall is measured.
  await other.rejoin(heir)
  await master.rejoin(heir)
  return {
    stopMs: stoppedMs - startMs,
    promotionMs,
    ownMs: Math.max(0, ...back.map(({ endedAtMs }) => endedAtMs - acceptsMs)),
    stallsMs: back.map(({ endedAtMs, beforeMs }) => endedAtMs - beforeMs),
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

function spread(values: readonly number[]): string {
  const [median, most] = [percentile(values, 0.5), Math.max(...values)]
  return `${median.toFixed(0)} ms (longest ${most.toFixed(0)} ms)`
}

function socketCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

function connectionCount(stage: Stage): number {
  return stage.db.metrics().drivers.reduce((sum, { total }) => sum + total, 0)
}

function excess(stage: Stage): number {
  return Math.max(...stage.db.metrics().drivers.map(({ total, max }) => total - max))
}

/** Sessions of the application that the servers have and the manager does not: a pool's, and one probe for each host. */
async function strayBackends(stage: Stage): Promise<number> {
  const { cluster } = stage
  const sql = 'select count(*)::int as count from pg_stat_activity where usename = $1'
  const counts = await Promise.all(cluster.nodes.map((node) => node.query<{ count: number }>(sql, [cluster.user])))
  return counts.reduce((sum, [row]) => sum + (row?.count ?? 0), 0) - connectionCount(stage) - cluster.nodes.length
}
