import pg from 'pg'
import type { PgNode } from 'hasql/testing'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Measure, Outcome, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'
import { Witness, bringBack, failures, promote, strike, strikeBefore } from './master-gone.ts'
import type { Detection } from './master-gone.ts'

export const DETECT_MS = 50
/** Nobody can know of a fault before the servers' processes have ended their connections: what hasql adds to that. */
export const BEYOND_WITNESS_MS = 25
export const FIRST_WRITE_MS = 250
const IN_FLIGHT = 8

/** R1 to R3: the master shuts down in each of PostgreSQL's ways, and a replica takes over. */
export const stopped: readonly Scenario[] = [
  {
    row: 'R1',
    name: 'master stopped (fast), replica promoted',
    run: () => replaced((stage, master) => strike(stage, master, () => master.stop('fast'))),
  },
  {
    row: 'R2',
    name: 'master stopped (immediate), replica promoted',
    run: () => replaced((stage, master) => strike(stage, master, () => master.stop('immediate'))),
  },
  { row: 'R3', name: 'master stopped (smart), replica promoted', run: () => replaced(smartStop) },
]

interface Blow extends Detection {
  readonly measures?: readonly Measure[]
}

async function replaced(blow: (stage: Stage, master: PgNode) => Promise<Blow>): Promise<Outcome> {
  await using stage = await Stage.open()
  const [master, heir, other] = await stage.cast()
  const before = stage.watch.masterChanges.length
  const { startMs, detectMs, witnessMs, measures = [] } = await blow(stage, master)
  const { firstWriteMs, promotedInMs } = await promote(stage, heir)
  const failed = failures(stage, startMs)
  await bringBack(stage, master, heir, other)
  const failovers = stage.watch.masterChanges.length - before
  const { verdict, violations } = await stage.finish()
  return {
    measures: [
      ...measures,
      atMostMs('out of use', detectMs, DETECT_MS),
      atMostMs('out of use, after a bare client heard of it', Math.max(0, detectMs - witnessMs), BEYOND_WITNESS_MS),
      atMostMs('all writers write again, after the promotion', firstWriteMs, FIRST_WRITE_MS),
      atMost('failed operations', failed.writes + failed.reads, IN_FLIGHT),
      atMost('failover events', failovers, 1),
    ],
    violations,
    notes: [
      `a bare client heard after ${witnessMs.toFixed(1)} ms, PostgreSQL's promotion took ${promotedInMs.toFixed(0)} ms`,
      `${verdict.acknowledged} writes acknowledged, ${verdict.unknown} unknown, ${verdict.lostByPostgres} lost by PostgreSQL`,
    ],
  }
}

/** While it waits for its clients to leave, the server lets nobody in, and work goes on; then it is stopped for good. */
async function smartStop(stage: Stage, master: PgNode): Promise<Blow> {
  await using witness = await Witness.of(stage, master)
  const smartMs = performance.now()
  const ended = master.stop('smart')
  await pause(500)
  const refusal = await refusalOf(stage.cluster.dsnOf(master))
  const written = stage.workload.writes.filter(
    ({ startedAtMs, outcome }) => startedAtMs > smartMs && outcome === 'acknowledged',
  )
  const failed = failures(stage, smartMs)
  const detection = await strikeBefore(witness, stage, master, () => master.stop('fast'))
  await ended
  return {
    ...detection,
    measures: [
      atLeast('writes while it waits for its clients', written.length, 20),
      atMost('failed operations while it waits', failed.writes + failed.reads, 0),
      atLeast('57P03 for a new client', refusal === '57P03' ? 1 : 0, 1),
    ],
  }
}

async function refusalOf(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return undefined
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : String(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
