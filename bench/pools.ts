import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { Duel, median } from './duel.ts'
import type { DuelResult, SubjectSpec } from './duel.ts'

const MAX = 10
const PAIRS = 7
/** Fresh pairs of processes: how the compiler and the cores were dealt out is a matter of luck, once per process. */
const DUELS = 3
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
  await using quick = await Duel.between(bare(master), hasql(dsnOf(cluster, [master]), 'greedy', 1))
  const alone = await quick.fight({ operations: 40_000, concurrency: 1, query: false }, DUELS * PAIRS)
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
      const sides = [bare(hosts === 1 ? master : replica), hasql(dsnOf(cluster, nodes), policy, hosts)] as const
      const [one, ten, fifty] = await fights(sides, [1, 10, 50])
      const both = (result?: DuelResult): string => `${share(result?.wallRatio)}, ${share(result?.cpuRatio)}`
      console.log(
        `${String(hosts).padEnd(6)} ${policy.padEnd(16)} ${share(one?.cpuRatio).padEnd(10)} ${both(ten).padEnd(17)} ${both(fifty)}`,
      )
    }
  }
}

/** Both sides have as many connections, however many hosts these are spread over: servers and cores are the same. */
function hasql(dsn: string, policy: string, hosts: number): SubjectSpec {
  const readHosts = Math.max(1, hosts - 1)
  return { kind: 'hasql', max: Math.max(1, Math.round(MAX / readHosts)), dsn, policy, readOnly: hosts > 1 }
}

/** Several duels of fresh processes, each over all concurrencies; the median over all pairs of all duels. */
async function fights(
  [bare, own]: readonly [SubjectSpec, SubjectSpec],
  concurrencies: readonly number[],
): Promise<DuelResult[]> {
  const results = concurrencies.map((): DuelResult[] => [])
  for (let count = 0; count < DUELS; count++) {
    await using duel = await Duel.between(bare, own)
    for (const [place, concurrency] of concurrencies.entries()) {
      const operations = concurrency === 1 ? 1_500 : 3_000
      results[place]?.push(await duel.fight({ operations, concurrency, query: true }, PAIRS))
    }
  }
  return results.map((all) => ({
    bare: all[0]?.bare ?? { wallUs: NaN, cpuUs: NaN },
    hasql: all[0]?.hasql ?? { wallUs: NaN, cpuUs: NaN },
    wallRatio: median(all.map(({ wallRatio }) => wallRatio)),
    cpuRatio: median(all.map(({ cpuRatio }) => cpuRatio)),
  }))
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
