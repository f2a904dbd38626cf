import type { FaultProxy } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import type { Random } from 'hasql/pg'
import { seededRandom } from '../../support/seeded-random.ts'
import { proxyFronts } from '../frame/proxy-fronts.ts'
import { atLeast } from '../frame/scenario.ts'
import type { Outcome, RunContext, Scenario } from '../frame/scenario.ts'
import { Stage, pause } from '../frame/stage.ts'

const DEFAULT_MINUTES = 2
const QUICK_MINUTES = 0.3
const WORKLOAD = { writers: 8, readers: 4 }

/** R28: unique writes by many writers, whatever happens. */
export const randomFaults: readonly Scenario[] = [
  { row: 'R28', name: 'random faults, history checked', run: runRandomFaults },
]

/** A stage with a proxy before each node, and its dice. */
interface Setting {
  readonly stage: Stage
  readonly fronts: ReadonlyMap<PgNode, FaultProxy>
  readonly random: Random
}

type Fault = (setting: Setting) => Promise<void>

const FAULTS: Readonly<Record<string, Fault>> = {
  switchover: async ({ stage }) => {
    await stage.cluster.switchover()
  },
  'master stopped': (setting) => replace(setting, (master) => master.stop('fast')),
  'master crashed': (setting) => replace(setting, (master) => master.stop('immediate')),
  'master killed': (setting) => replace(setting, (master) => master.kill()),
  'master frozen, replaced': (setting) => replace(setting, (master) => master.freeze(), 2_500),
  'master cut off, replaced': async (setting) => {
    const master = await setting.stage.cluster.master()
    await replace(setting, () => setting.fronts.get(master)?.silent(), 2_500)
  },
  'master frozen for a while': async ({ stage, random }) => {
    const master = await stage.cluster.master()
    await master.freeze()
    await pause(3_500 * random())
    master.thaw()
  },
  'master restarted': async ({ stage }) => (await stage.cluster.master()).restart('fast'),
  'backend of the master killed': async ({ stage }) => {
    const master = await stage.cluster.master()
    const pid = await anyBackend(stage, master)
    if (pid !== undefined) await master.killBackend(pid).catch(() => undefined)
  },
  'replica killed': async ({ stage, random }) => {
    const [replica] = await stage.cluster.replicas()
    await replica?.kill()
    await pause(1_000 * random())
    await replica?.start()
  },
  'replica frozen': async ({ stage, random }) => {
    const [replica] = await stage.cluster.replicas()
    await replica?.freeze()
    await pause(3_000 * random())
    replica?.thaw()
  },
  'network of one host silent for a while': async ({ fronts, random }) => {
    const front = [...fronts.values()][Math.floor(random() * fronts.size)]
    front?.silent()
    await pause(3_000 * random())
    await front?.pass()
  },
}

async function runRandomFaults({ quick, minutes, random, seed }: RunContext): Promise<Outcome> {
  const { fronts, front, takeDown } = proxyFronts()
  await using stage = await Stage.open({ front, takeDown, workload: WORKLOAD })
  const setting = { stage, fronts, random }
  const endMs = performance.now() + (minutes ?? (quick ? QUICK_MINUTES : DEFAULT_MINUTES)) * 60_000
  const done = new Map<string, number>()
  // Dice of its own, so that the same seed brings the same faults.
  const noise = makeNoise({ ...setting, random: seededRandom(seed + 1) })
  try {
    while (performance.now() < endMs) {
      const [name, fault] = Object.entries(FAULTS)[Math.floor(random() * Object.keys(FAULTS).length)] ?? []
      if (name === undefined || fault === undefined) break
      try {
        await fault(setting)
        await stage.settle()
      } catch (cause) {
        throw new Error(`seed ${seed}, fault ${[...done.values()].length + 1}: ${name}`, { cause })
      }
      done.set(name, (done.get(name) ?? 0) + 1)
    }
  } finally {
    await noise.stop()
  }
  const faults = [...done.values()].reduce((sum, count) => sum + count, 0)
  const { verdict, violations } = await stage.finish()
  return {
    measures: [atLeast('faults', faults, 1), atLeast('writes acknowledged', verdict.acknowledged, 500)],
    violations,
    notes: [
      `seed ${seed}; ${faults} faults: ${[...done].map(([name, count]) => `${name} ${count}`).join(', ')}; ${noise.count()} connections reset or ended`,
      `${verdict.acknowledged} writes acknowledged, ${verdict.unknown} unknown, ${verdict.notExecuted} not executed, ${verdict.lostByPostgres} lost by PostgreSQL`,
    ],
  }
}

/** Takes the master's role away in the given manner, lets it be for a while if it is silent, and brings it back. */
async function replace(
  { stage, fronts, random }: Setting,
  blow: (master: PgNode) => Promise<void> | void,
  silenceMs = 300,
): Promise<void> {
  const master = await stage.cluster.master()
  await blow(master)
  await pause(silenceMs * random())
  const { master: heir } = await stage.cluster.failover(await oneOf(stage, random))
  await pause(500 * random())
  master.thaw()
  await fronts.get(master)?.pass()
  // The old master believes to be one still: started, thawed, or reached again.
  if (master.pid === undefined) await master.start()
  await pause(1_500 * random())
  await stage.retire(master)
  await master.rejoin(heir)
}

async function oneOf(stage: Stage, random: Random): Promise<PgNode | undefined> {
  const replicas = await stage.cluster.replicas()
  return replicas[Math.floor(random() * replicas.length)]
}

/** Small faults at any time: connections reset by the network, sessions ended by an administrator. */
function makeNoise({ stage, fronts, random }: Setting): { stop: () => Promise<void>; count: () => number } {
  let running = true
  let count = 0
  const loop = async (): Promise<void> => {
    while (running) {
      await pause(500 + 1_500 * random())
      if (random() < 0.5) [...fronts.values()][Math.floor(random() * fronts.size)]?.reset()
      else await endSession(stage).catch(() => undefined)
      count++
    }
  }
  const ended = loop()
  return {
    stop: () => {
      running = false
      return ended
    },
    count: () => count,
  }
}

async function endSession(stage: Stage): Promise<void> {
  const node = stage.cluster.nodes.find(({ pid }) => pid !== undefined)
  const pid = node === undefined ? undefined : await anyBackend(stage, node)
  if (pid !== undefined) await node?.query('select pg_terminate_backend($1)', [pid])
}

async function anyBackend(stage: Stage, node: PgNode): Promise<number | undefined> {
  const sql = 'select pid from pg_stat_activity where usename = $1 order by random() limit 1'
  return (await node.query<{ pid: number }>(sql, [stage.cluster.user]))[0]?.pid
}
