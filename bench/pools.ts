import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { Duel } from './duel.ts'
import type { SubjectSpec } from './duel.ts'

const MAX = 10
const PAIRS = 21
const POLICIES = ['greedy', 'random-weighted', 'round-robin', 'power-of-two']
const HOSTS = [1, 3, 16]

/** hasql beside bare `pg.Pool`, on the same servers, in turns. */
export async function run(): Promise<void> {
  await using cluster = await PgCluster.start({ replicas: 2, settings: { max_connections: 400 } })
  const [master, [replica, other]] = [await cluster.master(), await cluster.replicas()]
  if (replica === undefined || other === undefined) throw new Error('two replicas are needed')
  const { user, password, database } = cluster
  const bare = ({ host, port }: PgNode): SubjectSpec => ({
    kind: 'pg.Pool',
    max: MAX,
    target: { host, port, user, password, database },
  })

  console.log('acquire + release alone, concurrency 1 (CPU time per operation)')
  await using quick = await Duel.between(bare(master), hasql(dsnOf(cluster, [master]), 'greedy', false))
  const alone = await quick.fight({ operations: 40_000, concurrency: 1, query: false }, PAIRS)
  const added = alone.hasql.cpuUs - alone.bare.cpuUs
  console.log(
    `  pg.Pool ${alone.bare.cpuUs.toFixed(2)} us, hasql ${alone.hasql.cpuUs.toFixed(2)} us: adds ${added.toFixed(2)} us (bar 2)\n`,
  )

  console.log('acquire, select 1, release: throughput as a share of pg.Pool (bar 0.97 at concurrency 10 and 50)')
  console.log('hosts  policy           c=1 (CPU)  c=10 (wall, CPU)  c=50 (wall, CPU)')
  for (const hosts of HOSTS) {
    const nodes =
      hosts === 1
        ? [master]
        : [master, ...Array.from({ length: hosts - 1 }, (_, index) => (index % 2 === 0 ? replica : other))]
    for (const policy of POLICIES) {
      await using duel = await Duel.between(
        bare(hosts === 1 ? master : replica),
        hasql(dsnOf(cluster, nodes), policy, hosts > 1),
      )
      const one = await duel.fight({ operations: 2_000, concurrency: 1, query: true }, PAIRS)
      const ten = await duel.fight({ operations: 4_000, concurrency: 10, query: true }, PAIRS)
      const fifty = await duel.fight({ operations: 4_000, concurrency: 50, query: true }, PAIRS)
      const both = (result: typeof ten): string => `${result.wallRatio.toFixed(3)}, ${result.cpuRatio.toFixed(3)}`
      console.log(
        `${String(hosts).padEnd(6)} ${policy.padEnd(16)} ${one.cpuRatio.toFixed(3).padEnd(10)} ${both(ten).padEnd(17)} ${both(fifty)}`,
      )
    }
  }
}

function hasql(dsn: string, policy: string, readOnly: boolean): SubjectSpec {
  return { kind: 'hasql', max: MAX, dsn, policy, readOnly }
}

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
