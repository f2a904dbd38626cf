import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { PgCluster } from 'hasql/testing'
import { acquireChannel, isHeard } from '../src/metrics/channels.ts'
import { PoolCounters } from '../src/pool/pool-counters.ts'
import { systemClock } from '../src/time/system-clock.ts'
import { pin } from './pin.ts'

const TURNS = 60

/** What metrics cost each lease, and what everything that can listen costs it. */
export async function run(): Promise<void> {
  row(
    'looking at the clock, for comparison',
    nsPerCall(() => systemClock.nowMs()),
  )
  row('counting one lease, a look at the clock included (bar 200)', nsPerCall(countOneLease()))
  row(
    'asking whether anybody listens (bar 100)',
    nsPerCall(() => isHeard(acquireChannel)),
  )
  await using cluster = await PgCluster.start({ replicas: 1 })
  const [off, on] = [await start('off', cluster.dsn), await start('on', cluster.dsn)]
  const pairs: { readonly offNs: number; readonly onNs: number }[] = []
  for (let count = 0; count < TURNS; count++) {
    const early = count % 2 === 0 ? await turn(off) : undefined
    const onNs = await turn(on)
    pairs.push({ offNs: early ?? (await turn(off)), onNs })
  }
  row('acquire + release, everything off', median(pairs.map(({ offNs }) => offNs)))
  row('what everything switched on adds (bar 1000)', median(pairs.map(({ offNs, onNs }) => onNs - offNs)))
  for (const child of [off, on]) {
    child.disconnect()
    await once(child, 'exit')
  }
}

function row(what: string, ns: number): void {
  console.log(`  ${what.padEnd(60)} ${ns.toFixed(0).padStart(6)} ns`)
}

/** What a lease adds to the accounts: two durations, and one more look at the clock. */
function countOneLease(): () => unknown {
  const counters = new PoolCounters()
  return () => {
    counters.granted(1_000, 1_000, 1_000.02)
    counters.returned(systemClock.nowMs() % 10)
  }
}

/**
 * A process for each side, on the built package, in turns: switching on and off in one process would measure how the compiler starts
 * anew.
 */
async function start(side: 'off' | 'on', dsn: string): Promise<ChildProcess> {
  const env = {
    ...process.env,
    TSX_TSCONFIG_PATH: fileURLToPath(new URL('./built-package.tsconfig.json', import.meta.url)),
  }
  const worker = new URL('./observed-worker.ts', import.meta.url)
  const child = fork(worker, [side, dsn], { execArgv: ['--import', 'tsx'], env })
  if (child.pid !== undefined) pin(child.pid, 0)
  await once(child, 'message')
  return child
}

async function turn(child: ChildProcess): Promise<number> {
  child.send('turn')
  const [ns] = (await once(child, 'message')) as [number]
  return ns
}

function nsPerCall(body: () => unknown): number {
  const times = 200_000
  return median(
    Array.from({ length: 15 }, () => {
      const startMs = performance.now()
      for (let count = 0; count < times; count++) body()
      return ((performance.now() - startMs) * 1_000_000) / times
    }),
  )
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN
}
