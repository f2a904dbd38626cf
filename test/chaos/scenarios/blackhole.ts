import type { PgNode } from 'hasql/testing'
import { proxyFronts } from '../frame/proxy-fronts.ts'
import { atLeast, atMost, atMostMs } from '../frame/scenario.ts'
import type { Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { Stage, USUAL_WORKLOAD, pause } from '../frame/stage.ts'
import type { StageOptions } from '../frame/stage.ts'
import { isInUse } from '../frame/watch.ts'
import { canUseNamespaces, inNamespace, isInside } from '../network/in-namespace.ts'
import { FarSide } from '../network/namespace.ts'
import type { Direction } from '../network/namespace.ts'
import { HUNG_MS, LONGEST_STALL_MS, OUT_OF_USE_MS, goneSilent, managerNoticesMs } from './frozen.ts'
import { bringBack, longestStallMs, promote } from './master-gone.ts'

const BOTH: readonly Direction[] = ['toServer', 'toClient']

/** R9 to R11: the network to the master loses every packet and says nothing; TCP alone would notice in minutes. */
export const blackhole: readonly Scenario[] = [
  { row: 'R9', name: 'blackhole, connections idle', run: (context) => inNetwork('R9', context, idle) },
  {
    row: 'R10',
    name: 'blackhole, queries in flight',
    run: (context) => inNetwork('R10', context, (net) => busy(net, BOTH, context)),
  },
  { row: 'R11', name: 'blackhole one way', run: (context) => inNetwork('R11', context, (net) => oneWay(net, context)) },
]

/** A network in which packets to and from a node can be lost. */
interface Network {
  readonly how: string
  readonly options: Pick<StageOptions, 'front' | 'takeDown'>
  lose(node: PgNode, directions: readonly Direction[]): void
  heal(node: PgNode): Promise<void> | void
}

async function inNetwork(
  row: string,
  context: RunContext,
  scenario: (network: () => Promise<Network>) => Promise<Outcome>,
): Promise<Outcome> {
  if (isInside()) return scenario(namespaces)
  return canUseNamespaces() ? inNamespace(row, context) : scenario(proxies)
}

async function namespaces(): Promise<Network> {
  const far = await FarSide.open()
  return {
    how: 'packets lost between two network namespaces',
    options: { front: (node) => far.place(node), takeDown: () => far.close() },
    lose: (node, directions) => far.blackhole(node, directions),
    heal: (node) => far.heal(node),
  }
}

async function proxies(): Promise<Network> {
  const { fronts, front, takeDown } = proxyFronts()
  const lose = (node: PgNode, directions: readonly Direction[]): void => {
    const proxy = fronts.get(node)
    if (directions.includes('toServer')) proxy?.dropToServer()
    if (directions.includes('toClient')) proxy?.dropToClient()
  }
  const heal = async (node: PgNode): Promise<void> => fronts.get(node)?.pass()
  return { how: 'bytes held by a proxy (no network namespaces here)', options: { front, takeDown }, lose, heal }
}

/** Nothing is under way on the connections there are; one of them is leased. */
async function idle(open: () => Promise<Network>): Promise<Outcome> {
  const network = await open()
  await using stage = await Stage.open({ ...network.options, workload: { writers: 0, readers: 0 } })
  const [master, heir, other] = await stage.cast()
  await Promise.all([1, 2, 3, 4].map(() => stage.workload.write()))
  const lease = await stage.db.acquireMaster()
  const startMs = performance.now()
  network.lose(master, BOTH)
  const [outMs, cutMs] = await Promise.all([
    stage.watch.moment('the host is out of use', stage.hostId(master), (host) => !isInUse(host), { sinceMs: startMs }),
    stage.watch.moment('its connections are cut', stage.hostId(master), ({ kind }) => kind === 'unreachable', {
      sinceMs: startMs,
    }),
    pause(1_000).then(() => heir.promote()),
  ])
  const leaseRejected = await lease.query('select 1').then(
    () => 0,
    () => 1,
  )
  lease.release(true)
  const write = await stage.workload.write()
  const measures = [
    atMostMs('out of use', outMs - startMs, OUT_OF_USE_MS),
    atMostMs('its connections cut', cutMs - startMs, HUNG_MS),
    atLeast('a query on the idle lease rejected', leaseRejected, 1),
    atMostMs('a write, once it is out', write.endedAtMs - write.startedAtMs, 250),
    atMost('failed writes', stage.workload.writes.filter(({ error }) => error !== undefined).length, 0),
  ]
  await network.heal(master)
  await bringBack(stage, master, heir, other)
  const { violations } = await stage.finish()
  return { measures, violations, notes: [network.how] }
}

async function busy(
  open: () => Promise<Network>,
  directions: readonly Direction[],
  { random }: RunContext,
): Promise<Outcome> {
  const network = await open()
  await using stage = await Stage.open({ ...network.options, workload: USUAL_WORKLOAD })
  const [master, heir, other] = await stage.cast()
  const changes = stage.watch.masterChanges.length
  const startMs = performance.now()
  network.lose(master, directions)
  const silent = goneSilent(stage, master, startMs)
  const noticedMs = managerNoticesMs(random)
  await pause(noticedMs)
  const { firstWriteMs } = await promote(stage, heir)
  const silence = await silent
  const stallMs = longestStallMs(stage, startMs)
  await network.heal(master)
  await pause(1_500)
  const measures = [
    ...silence,
    atMostMs('longest stall of a writer', stallMs, LONGEST_STALL_MS),
    atMost('failover events', stage.watch.masterChanges.length - changes, 1),
  ]
  await bringBack(stage, master, heir, other)
  const { verdict, violations } = await stage.finish()
  const told = `${verdict.unknown} writes of unknown outcome, ${verdict.lostByPostgres} acknowledged ones lost by PostgreSQL`
  const note = `promoted ${noticedMs} ms into it, all wrote again ${firstWriteMs.toFixed(0)} ms after that; ${told}`
  return { measures, violations, notes: [network.how, note] }
}

/** Once in each direction. */
async function oneWay(open: () => Promise<Network>, context: RunContext): Promise<Outcome> {
  const outcomes: Outcome[] = []
  for (const direction of BOTH) {
    const outcome = await busy(open, [direction], context)
    const lost = direction === 'toServer' ? 'requests lost' : 'answers lost'
    const measures = outcome.measures.map((measure) => ({ ...measure, name: `${lost}: ${measure.name}` }))
    outcomes.push({ ...outcome, measures })
  }
  return {
    measures: outcomes.flatMap(({ measures }) => measures),
    violations: outcomes.flatMap(({ violations }) => violations),
    notes: [...new Set(outcomes.flatMap(({ notes }) => notes))],
  }
}
