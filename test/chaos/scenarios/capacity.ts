import pg from 'pg'
import { AcquireTimeoutError } from 'hasql/pg'
import type { PgConnection } from 'hasql/pg'
import type { PgNode } from 'hasql/testing'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'

const RECOVERS_MS = 1_000

/** R17 and R18: the server is well and lets nobody else in (53300). */
export const capacity: readonly Scenario[] = [
  {
    row: 'R17',
    name: 'max_connections exhausted',
    run: () => crowded((stage, master) => crowd(stage, master)),
  },
  {
    row: 'R18',
    name: 'connection limit of the role reached',
    run: () =>
      crowded(async (stage, master) => {
        const { user } = stage.cluster
        // The probe connections are there already; more than one for each host there will not be.
        await master.query(`alter role ${user} connection limit 1`)
        return async () => {
          await master.query(`alter role ${user} connection limit -1`)
        }
      }),
  },
]

/** Fills the server up, so that a pool without connections gets none, and lets it go again. */
async function crowded(fill: (stage: Stage, master: PgNode) => Promise<() => Promise<void>>): Promise<Outcome> {
  await using stage = await Stage.open({
    cluster: { settings: { max_connections: 20 } },
    workload: { writers: 0, readers: 4 },
  })
  const [master] = await stage.cast()
  const [changes, downs] = [stage.watch.masterChanges.length, stage.watch.hostDowns.length]
  const startMs = performance.now()
  const held = await holdAll(stage, stage.hostId(master))
  const empty = await fill(stage, master)
  const refused = await stage.db.acquireMaster({ timeoutMs: 500 }).catch((error: unknown) => error)
  const waiting = [1, 2, 3, 4].map(() => stage.workload.write())
  await pause(1_500)
  const early = stage.workload.writes.length
  await empty()
  const emptyMs = performance.now()
  const writes = await Promise.all(waiting)
  const reads = stage.workload.reads.filter(({ endedAtMs }) => endedAtMs > startMs)
  const measures = [
    atLeast('an acquire that cannot wait says so', refused instanceof AcquireTimeoutError ? 1 : 0, 1),
    atMost('writes while the server is full', early, 0),
    atMostMs(
      'all waiting writers write, after slots are free',
      Math.max(...writes.map(({ endedAtMs }) => endedAtMs)) - emptyMs,
      RECOVERS_MS,
    ),
    atMost('failed writes', writes.filter(({ error }) => error !== undefined).length, 0),
    atMost('failed reads', reads.filter(({ error }) => error !== undefined).length, 0),
    atMost(
      'failovers and hosts taken out',
      stage.watch.masterChanges.length - changes + stage.watch.hostDowns.length - downs,
      0,
    ),
  ]
  for (const connection of held) stage.db.release(connection)
  const { violations } = await stage.finish()
  const reason = refused instanceof AcquireTimeoutError ? refused.reason : String(refused)
  return { measures, violations, notes: [`an acquire of 500 ms was told: ${reason}`] }
}

/** Leases every connection that the pool of the master has open, so that the next caller needs a new one. */
async function holdAll({ db }: Stage, hostId: string): Promise<readonly PgConnection[]> {
  const held: PgConnection[] = []
  const open = (): number => db.metrics().drivers.find(({ host }) => host === hostId)?.total ?? 0
  while (held.length < open()) held.push(await db.acquireMaster())
  return held
}

/** Takes every slot that is left to ordinary roles. */
async function crowd(stage: Stage, master: PgNode): Promise<() => Promise<void>> {
  const clients: pg.Client[] = []
  for (let count = 0; count < 100; count++) {
    const client = new pg.Client(stage.cluster.dsnOf(master))
    client.on('error', () => undefined)
    try {
      await client.connect()
      clients.push(client)
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === '53300') break
      throw error
    }
  }
  return async () => {
    await Promise.all(clients.map((client) => client.end()))
  }
}
