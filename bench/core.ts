import { ms, parseDsn } from 'hasql'
import type { HostId } from 'hasql'
import { PoolManager } from 'hasql/pg'
import { Router } from '../src/manager/router.ts'
import { MASTER } from '../src/selection/target.ts'
import type { Target } from '../src/selection/target.ts'
import { reduceTopology } from '../src/topology/reduce.ts'
import { initialTopology } from '../src/topology/topology.ts'
import type { Topology } from '../src/topology/topology.ts'
import { Engine } from '../src/manager/engine.ts'
import { resolveOptions } from '../src/manager/options.ts'
import { createPgDriver } from '../src/drivers/pg/driver.ts'

const REPLICA: Target = { role: 'replica', fallbackMaster: true, masterShare: 0.1 }

/** The parts that run without a server: choosing a host, reducing an observation, and a manager's memory. */
export function run(): void {
  for (const hosts of [1, 3, 16]) {
    const topology = answered(hosts)
    const router = routerFor(hosts, topology)
    const options = [`select() master, ${hosts} host(s)`, `select() replica, ${hosts} host(s)`]
    report(options[0] ?? '', 1_000_000, () => router.choose(MASTER, undefined))
    report(options[1] ?? '', 1_000_000, () => router.choose(REPLICA, undefined))
    let current = topology
    let probe = 2
    const first = idOf(0)
    report(`reduce one answer, ${hosts} host(s)`, 100_000, () => {
      current = reduceTopology(current, answer(first, false, probe++), { multiMaster: false })
    })
  }
  heap()
}

function report(what: string, times: number, body: () => void): void {
  for (let count = 0; count < times / 10; count++) body()
  const startMs = performance.now()
  for (let count = 0; count < times; count++) body()
  const ns = ((performance.now() - startMs) * 1_000_000) / times
  console.log(`  ${what.padEnd(34)} ${ns.toFixed(0).padStart(7)} ns`)
}

const DSN = (hosts: number): string =>
  `postgresql://u:p@${Array.from({ length: hosts }, (_, index) => `h${index}`).join(',')}/d`

function idOf(index: number): HostId {
  const host = parseDsn(DSN(16)).hosts[index]
  if (host === undefined) throw new RangeError('no such host')
  return host.hostId
}

function answer(hostId: HostId, inRecovery: boolean, probe: number): Parameters<typeof reduceTopology>[1] {
  return {
    kind: 'answered',
    hostId,
    atMs: ms(probe),
    evidence: { probe, generation: undefined },
    roundTripMs: ms(1),
    answer: {
      inRecovery,
      readOnlyDefault: false,
      timeline: inRecovery ? undefined : 1,
      lsn: 1n,
      reachedTimeline: inRecovery ? 1 : undefined,
      receivedTimeline: undefined,
      receiver: undefined,
      serverAddress: undefined,
      systemId: '7',
      incarnation: hostId,
      lifeBeganMs: undefined,
    },
  }
}

function answered(hosts: number): Topology {
  const ids = parseDsn(DSN(hosts)).hosts.map(({ hostId }) => hostId)
  const [first, ...rest] = ids
  if (first === undefined) throw new RangeError('no hosts')
  let topology = initialTopology([first, ...rest], ms(0))
  for (const [index, hostId] of ids.entries())
    topology = reduceTopology(topology, answer(hostId, index > 0, 1), { multiMaster: false })
  return topology
}

function routerFor(hosts: number, topology: Topology): Router<unknown, unknown> {
  const dsn = parseDsn(DSN(hosts))
  const options = resolveOptions({}, dsn.hosts[0])
  const { candidates } = new Engine<unknown, unknown>(createPgDriver(), dsn, options, {})
  const router = new Router(candidates, options.balancerPolicy, options.random, undefined)
  router.update(topology)
  return router
}

function heap(): void {
  if (global.gc === undefined) return console.log('  heap per manager: run node with --expose-gc')
  for (const hosts of [1, 3, 16]) {
    const kept: PoolManager[] = []
    for (let count = 0; count < 50; count++) kept.push(new PoolManager(DSN(hosts)))
    global.gc()
    const before = process.memoryUsage().heapUsed
    for (let count = 0; count < 200; count++) kept.push(new PoolManager(DSN(hosts)))
    global.gc()
    const perManager = (process.memoryUsage().heapUsed - before) / 200
    console.log(
      `  heap per manager, ${String(hosts).padEnd(2)} host(s)          ${(perManager / 1_000).toFixed(1).padStart(7)} kB${kept.length > 0 ? '' : ' '}`,
    )
  }
}
