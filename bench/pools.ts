import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { fights } from './duel.ts'
import type { DuelResult, DuelSpec, Order } from './duel.ts'
import { pin } from './pin.ts'

const MAX = 10
const POLICIES = ['greedy', 'random-weighted', 'round-robin', 'power-of-two']
const HOSTS = [1, 3, 16]
const BAR = 0.97

const ALONE: Order = { pairs: 5, operations: 50_000, concurrency: 1, query: false }
/** Turns long enough for a process to be at home on its core again, short enough for what disturbs the machine to meet both. */
const ORDERS: readonly Order[] = [
  { pairs: 6, operations: 1_000, concurrency: 1, query: true },
  { pairs: 10, operations: 3_000, concurrency: 10, query: true },
  { pairs: 10, operations: 3_000, concurrency: 50, query: true },
]

/** hasql beside bare `pg.Pool`s, on the same servers, in turns. */
export async function run({ hosts: wanted = HOSTS }: { readonly hosts?: readonly number[] } = {}): Promise<void> {
  await using cluster = await PgCluster.start({ replicas: 2, settings: { max_connections: 400 } })
  const master = await cluster.master()
  const replicas = await cluster.replicas()
  const pinned = cluster.nodes.every(({ pid }) => pid !== undefined && pin(pid, 1))
  console.log(pinned ? 'servers and clients on a core each' : 'servers and clients wherever the system puts them')

  console.log('acquire + release alone, concurrency 1 (CPU time per operation)')
  const [alone] = await fights(specOf(cluster, master, [master], 'greedy'), [ALONE])
  if (alone === undefined) throw new Error('nothing was measured')
  const added = alone.hasql.cpuUs - alone.bare.cpuUs
  console.log(
    `  pg.Pool ${alone.bare.cpuUs.toFixed(2)} us, hasql ${alone.hasql.cpuUs.toFixed(2)} us: adds ${added.toFixed(2)} us (bar 2)\n`,
  )

  console.log(`pool.query('select 1') of masterPool: throughput as a share of pg.Pool (bar ${BAR})`)
  const asked = await fights({ ...specOf(cluster, master, [master], 'greedy'), byPool: true }, ORDERS)
  for (const [place, { concurrency }] of ORDERS.entries()) {
    const { wallRatio, cpuRatio } = asked[place] ?? {}
    console.log(`  c=${concurrency}: ${share(wallRatio)} (CPU ${share(cpuRatio)})`)
  }
  console.log()

  console.log(`acquire, select 1, release: throughput as a share of pg.Pool (bar ${BAR} at concurrency 10 and 50)`)
  console.log('hosts  policy           c=1 (CPU)  c=10 (wall, CPU)  c=50 (wall, CPU)')
  for (const hosts of wanted) {
    const nodes = Array.from({ length: hosts }, (_, place) => nodeFor(place, master, replicas))
    for (const policy of POLICIES) {
      const spec = specOf(cluster, nodes[1] ?? master, nodes, policy)
      const [one, ten, fifty] = await fights(spec, ORDERS)
      const both = (result?: DuelResult): string => `${share(result?.wallRatio)}, ${share(result?.cpuRatio)}`
      console.log(
        `${String(hosts).padEnd(6)} ${policy.padEnd(16)} ${share(one?.cpuRatio).padEnd(10)} ${both(ten).padEnd(17)} ${both(fifty)}`,
      )
    }
  }
}

/** The master, then the replica in all other places: one server does the reading, on both sides. */
function nodeFor(place: number, master: PgNode, [replica]: readonly PgNode[]): PgNode {
  if (replica === undefined) throw new Error('a replica is needed')
  return place === 0 ? master : replica
}

/** Both sides have as many connections, spread over as many pools: servers and cores are the same. */
function specOf(cluster: PgCluster, bare: PgNode, nodes: readonly PgNode[], policy: string): DuelSpec {
  const { user, password, database } = cluster
  const readHosts = Math.max(1, nodes.length - 1)
  return {
    driver: 'pg',
    bare: { host: bare.host, port: bare.port, user, password, database },
    dsn: dsnOf(cluster, nodes),
    policy,
    readOnly: nodes.length > 1,
    byPool: false,
    barePools: readHosts,
    max: Math.max(1, Math.round(MAX / readHosts)),
  }
}

const share = (ratio?: number): string => (ratio ?? NaN).toFixed(3)

/** Several names for few servers: what is measured is hasql's work per host, not the machine's. */
function dsnOf({ user, password, database }: PgCluster, nodes: readonly PgNode[]): string {
  const list = (values: readonly (string | number)[]): string => values.join(',')
  return [
    `host=${list(nodes.map((_, index) => `host${index}`))}`,
    `hostaddr=${list(nodes.map(({ host }) => host))}`,
    `port=${list(nodes.map(({ port }) => port))}`,
    `user=${user} password=${password} dbname=${database} sslmode=disable`,
  ].join(' ')
}
