import { GreedyBalancerPolicy } from '../../src/balancer/greedy.ts'
import type { BalancerPolicy } from '../../src/balancer/policy.ts'
import { PowerOfTwoBalancerPolicy } from '../../src/balancer/power-of-two.ts'
import { RandomWeightedBalancerPolicy } from '../../src/balancer/random-weighted.ts'
import { RoundRobinBalancerPolicy } from '../../src/balancer/round-robin.ts'
import type { BasePoolManager } from '../../src/manager/base-pool-manager.ts'
import { FakeDriver } from '../support/fake-driver.ts'
import { FakeEventLoop } from '../support/fake/event-loop.ts'
import { FakeCluster } from '../support/fake/fake-cluster.ts'
import { EndpointRoutes, directRoutes } from '../support/fake/routes.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { runSteps } from './drain.ts'
import { Director } from './director.ts'
import { Knowledge } from './knowledge.ts'
import { CANARY } from './laws/secrets.ts'
import { layDown } from './laws/laws.ts'
import { scenarioOf } from './scenario.ts'
import type { Scenario } from './scenario.ts'
import { Tally } from './tally.ts'
import type { FaultTally } from './tally.ts'
import { watchDriver } from './watch.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'
import type { Manager, Violation } from './world.ts'

/** What is simulated: the manager's class, as it is or with a bug put in. */
export interface Subject {
  readonly BasePoolManager: typeof BasePoolManager
}

/** How a run went. */
export interface Outcome {
  readonly scenario: Scenario
  readonly violation: Violation | undefined
  readonly steps: number
  readonly trace: readonly string[]
  readonly faults: FaultTally
  readonly writes: Readonly<World['writes']>
  readonly tokens: Readonly<World['tokens']>
}

/** Far more than any run takes; one that does not end is a fault of its own. */
const MOST_STEPS = 300_000

/** Runs the scenario of a seed to its end or to the first violation. The same seed gives the same run. */
export async function runSeed(seed: number, subject: Subject, traced = false): Promise<Outcome> {
  const { stackTraceLimit } = Error
  // Thousands of errors are made on purpose; where from is of interest only to a reader.
  if (!traced) Error.stackTraceLimit = 0
  try {
    return await run(seed, subject, traced)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

async function run(seed: number, subject: Subject, traced: boolean): Promise<Outcome> {
  const scenario = scenarioOf(seed)
  const dice = (stream: number): (() => number) => seededRandom(Math.imul(seed, 0x9e3779b1) + stream)
  const loop = new FakeEventLoop(dice(1))
  const cluster = new FakeCluster(loop, dice(2), scenario)
  const world = new World(scenario, loop, cluster, new Knowledge(), traced)
  const db = makeManager(world, subject, dice(3))
  world.db = db
  db.on('topologyChange', ({ topology }) => world.announcer.tell('changed', topology))
  const workload = new Workload(world, dice(4))
  layDown(world, workload)
  const tally = new Tally(world, workload)
  const director = new Director(world, workload, tally)
  director.begin()
  const onRejection = (reason: unknown): void => world.violated('I7', `an unhandled rejection: ${String(reason)}`)
  process.on('unhandledRejection', onRejection)
  const steps = await runSteps(stepper(world, director))
  process.off('unhandledRejection', onRejection)
  const { violation, trace = [], writes, tokens } = world
  return { scenario, violation, steps, trace, faults: tally.counts, writes, tokens }
}

/** One callback of the event loop at a time, each followed by a look at the laws. */
function stepper(world: World, director: Director): () => boolean {
  const { loop, announcer, knowledge } = world
  let steps = 0
  let topology = world.topology
  return () => {
    if (world.topology !== topology) {
      announcer.tell('snapshot', topology, world.topology)
      topology = world.topology
    }
    if (steps > 0) announcer.tell('step')
    knowledge.settle()
    if (world.violation !== undefined || director.isOver) return false
    steps += 1
    if (steps > MOST_STEPS) world.violated('I5', 'the run does not come to an end')
    try {
      if (!loop.step()) world.violated('I5', 'nothing is left to happen, but the run is not over')
    } catch (error) {
      world.violated(
        'I7',
        `thrown into the event loop: ${error instanceof Error ? String(error.stack) : String(error)}`,
      )
    }
    return true
  }
}

function makeManager(world: World, subject: Subject, random: () => number): Manager {
  const { scenario, cluster, loop } = world
  const watch = watchDriver(() => world)
  const { endpoints } = scenario
  const routes =
    endpoints === 'none' ? directRoutes(cluster.servers) : new EndpointRoutes(cluster, endpoints === 'both')
  const driver = new FakeDriver(routes, scenario.capacity, watch)
  const dsn = `postgresql://app:${CANARY}@${routes.hostIds.join(',')}/app`
  return new subject.BasePoolManager(driver, dsn, {
    ...scenario.options,
    balancerPolicy: watched(policyOf(scenario.policy), world),
    clock: loop,
    random,
  })
}

function watched(policy: BalancerPolicy, { announcer }: World): BalancerPolicy {
  return {
    name: policy.name,
    pick: (candidates, context) => {
      announcer.tell('picking', candidates)
      return policy.pick(candidates, context)
    },
  }
}

function policyOf(name: Scenario['policy']): BalancerPolicy {
  switch (name) {
    case 'greedy':
      return new GreedyBalancerPolicy()
    case 'random-weighted':
      return new RandomWeightedBalancerPolicy()
    case 'round-robin':
      return new RoundRobinBalancerPolicy()
    case 'power-of-two':
      return new PowerOfTwoBalancerPolicy()
  }
}
