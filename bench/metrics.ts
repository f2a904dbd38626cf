import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { PgCluster } from 'hasql/testing'
import { acquireChannel } from '../src/metrics/channels.ts'
import { PoolCounters } from '../src/pool/pool-counters.ts'
import { systemClock } from '../src/time/system-clock.ts'
import type { ObservedCost } from './observed-worker.ts'

/** What metrics cost each lease, and what everything that can listen costs it. */
export async function run(): Promise<void> {
  row(
    'looking at the clock, for comparison',
    nsPerCall(() => systemClock.nowMs()),
  )
  row('counting one lease (bar 200)', nsPerCall(countOneLease()))
  row(
    'asking whether anybody listens (bar 100)',
    nsPerCall(() => acquireChannel.hasSubscribers),
  )
  await using cluster = await PgCluster.start({ replicas: 1 })
  const { offNs, addedNs } = await measureApart(cluster.dsn)
  row('acquire + release, everything off', offNs)
  row('what everything switched on adds (bar 1000)', addedNs)
}

function row(what: string, ns: number): void {
  console.log(`  ${what.padEnd(46)} ${ns.toFixed(0).padStart(6)} ns`)
}

/** What a lease adds to the accounts: two durations, and one more look at the clock. */
function countOneLease(): () => unknown {
  const counters = new PoolCounters()
  return () => {
    counters.granted(1_000, 1_000, 1_000.02)
    counters.returned(systemClock.nowMs() % 10)
  }
}

/** In a process of its own that uses the built package: what runs the sources here names each function as it is made. */
async function measureApart(dsn: string): Promise<ObservedCost> {
  const env = {
    ...process.env,
    TSX_TSCONFIG_PATH: fileURLToPath(new URL('./built-package.tsconfig.json', import.meta.url)),
  }
  const worker = new URL('./observed-worker.ts', import.meta.url)
  const child = fork(worker, [dsn], { execArgv: ['--import', 'tsx'], env })
  const [cost] = (await once(child, 'message')) as [ObservedCost]
  await once(child, 'exit')
  return cost
}

function nsPerCall(body: () => unknown): number {
  const times = 200_000
  const rounds = Array.from({ length: 15 }, () => {
    const startMs = performance.now()
    for (let count = 0; count < times; count++) body()
    return ((performance.now() - startMs) * 1_000_000) / times
  })
  return rounds.sort((one, other) => one - other)[7] ?? NaN
}
