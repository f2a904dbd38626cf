import { atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { heapInUse } from '../frame/heap.ts'
import { Stage, USUAL_WORKLOAD, pause } from '../frame/stage.ts'
import { failures } from './master-gone.ts'

const OUTAGE_MS = 400
const HEAP_MB = 4

/** R15: one switchover after the other, under load. */
export const switchovers: readonly Scenario[] = [{ row: 'R15', name: 'switchovers under load', run: switchOverAndOver }]

async function switchOverAndOver({ quick, random }: RunContext): Promise<Outcome> {
  const cycles = quick ? 6 : 200
  await using stage = await Stage.open()
  const sockets = socketCount()
  const connectionsBefore = connectionCount(stage)
  const heapBefore = heapInUse()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  const stallsMs: number[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    const fromMs = performance.now()
    const { master } = await stage.cluster.switchover()
    await allWriteTo(stage, master.port, fromMs)
    stallsMs.push(...stallsSince(stage, fromMs))
    await pause(200 * random())
  }
  const failed = failures(stage, startMs)
  const failovers = stage.watch.masterChanges.length - changes
  const [reads, writes] = [stage.workload.reads.length, stage.workload.writes.length]
  await stage.settle()
  const rest: Measure[] = []
  const { verdict, violations } = await stage.finish(async () => {
    await pause(200)
    const moreSockets = socketCount() - sockets - (connectionCount(stage) - connectionsBefore)
    rest.push(
      atMost('sockets that nobody counts', moreSockets, 0),
      atMost('backends that nobody counts', await strayBackends(stage), 0),
      atMost('connections beyond the pools', excess(stage), 0),
      atMost('listeners of a pool', Math.max(...stage.db.pools.map((pool) => pool.listenerCount('error'))), 1),
      atMost('heap grown, in MB', (heapInUse() - heapBefore) / 2 ** 20, HEAP_MB),
    )
  })
  return {
    measures: [
      atMostMs('longest stall of a writer, 99th percentile', percentile(stallsMs, 0.99), OUTAGE_MS),
      atMost('failover events too many', failovers - cycles, 0),
      atMost('failed writes per switchover', failed.writes / cycles, USUAL_WORKLOAD.writers),
      atMost('failed reads per switchover', failed.reads / cycles, 1),
      ...rest,
    ],
    violations,
    notes: [
      `${cycles} switchovers, stall of a writer: median ${percentile(stallsMs, 0.5).toFixed(0)} ms, longest ${Math.max(...stallsMs).toFixed(0)} ms`,
      `${writes} writes (${verdict.unknown} unknown, ${verdict.notExecuted} not executed), ${reads} reads (${failed.reads} failed)`,
    ],
  }
}

async function allWriteTo(stage: Stage, port: number, fromMs: number): Promise<void> {
  const recent = (): Set<number> => {
    const writers = new Set<number>()
    const { writes } = stage.workload
    for (let index = writes.length - 1; index >= 0; index--) {
      const write = writes[index]
      if (write === undefined || write.endedAtMs < fromMs) break
      if (write.executor?.server === port) writers.add(write.writer)
    }
    return writers
  }
  await stage.workload.until('every writer writes to the new master', () => recent().size === USUAL_WORKLOAD.writers)
}

/** Each writer's longest time between two acknowledged writes since a moment. */
function stallsSince(stage: Stage, fromMs: number): number[] {
  const acknowledged = new Map<number, number[]>()
  const { writes } = stage.workload
  for (let index = writes.length - 1; index >= 0; index--) {
    const write = writes[index]
    // One write before the moment, for each writer, is where the first stall begins.
    if (write === undefined || write.endedAtMs < fromMs - 1_000) break
    if (write.outcome !== 'acknowledged') continue
    const moments = acknowledged.get(write.writer) ?? []
    if ((moments.at(-1) ?? Infinity) >= fromMs) acknowledged.set(write.writer, [...moments, write.endedAtMs])
  }
  return [...acknowledged.values()].map((moments) =>
    Math.max(...moments.slice(1).map((earlierMs, index) => (moments[index] ?? earlierMs) - earlierMs)),
  )
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN
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
