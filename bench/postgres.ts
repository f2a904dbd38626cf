import { PgCluster } from 'hasql/testing'
import { fights } from './duel.ts'
import type { Order } from './duel.ts'
import { pin } from './pin.ts'

const MAX = 10
const BAR = 0.95

const ORDERS: readonly Order[] = [
  { pairs: 6, operations: 2_000, concurrency: 1, query: true },
  { pairs: 10, operations: 5_000, concurrency: 10, query: true },
  { pairs: 10, operations: 5_000, concurrency: 50, query: true },
]

/** `db.master` of hasql/postgres beside a plain `postgres`, on the same server, in turns. */
export async function run(): Promise<void> {
  await using cluster = await PgCluster.start({ replicas: 0, settings: { max_connections: 100 } })
  const { user, password, database } = cluster
  const { host, port, pid } = await cluster.master()
  if (pid !== undefined) pin(pid, 1)
  const bare = { host, port, user, password, database }
  const dsn = `${cluster.dsn}?sslmode=disable`
  const spec = {
    driver: 'postgres',
    bare,
    barePools: 1,
    dsn,
    policy: 'greedy',
    readOnly: false,
    byPool: false,
    max: MAX,
  } as const
  const results = await fights(spec, ORDERS)
  console.log(`db.master\`select 1\`: throughput as a share of plain postgres (bar ${BAR})`)
  for (const [place, { concurrency }] of ORDERS.entries()) {
    const { wallRatio = NaN, cpuRatio = NaN } = results[place] ?? {}
    console.log(`  c=${concurrency}: ${wallRatio.toFixed(3)} (CPU ${cpuRatio.toFixed(3)})`)
  }
}
