import pg from 'pg'
import {
  GreedyBalancerPolicy,
  PoolManager,
  PowerOfTwoBalancerPolicy,
  RandomWeightedBalancerPolicy,
  RoundRobinBalancerPolicy,
} from 'hasql/pg'
import type { BalancerPolicy } from 'hasql/pg'
import type { DuelSpec, Order, Pair, Report } from './duel.ts'

/** One side of a duel. */
interface Subject {
  take(): Promise<{ query(sql: string): Promise<unknown>; release(): void }>
}

const POLICIES: Readonly<Record<string, () => BalancerPolicy>> = {
  greedy: () => new GreedyBalancerPolicy(),
  'random-weighted': () => new RandomWeightedBalancerPolicy(),
  'round-robin': () => new RoundRobinBalancerPolicy(),
  'power-of-two': () => new PowerOfTwoBalancerPolicy(),
}

/** Operations of each side before the first turn that counts: connections are made, code is compiled. */
const WARM_UP_OPERATIONS = 6_000

async function makeSubjects(spec: DuelSpec): Promise<readonly [bare: Subject, hasql: Subject]> {
  const pools = Array.from(
    { length: spec.barePools },
    () => new pg.Pool({ ...spec.bare, max: spec.max, idleTimeoutMillis: 0 }),
  )
  const balancerPolicy = POLICIES[spec.policy]?.()
  if (balancerPolicy === undefined) throw new RangeError(`no policy ${spec.policy}`)
  const db = new PoolManager(spec.dsn, { balancerPolicy, poolOptions: { max: spec.max, idleTimeoutMillis: 0 } })
  await db.waitAllReady(30_000)
  return [{ take: inTurn(pools) }, { take: spec.readOnly ? () => db.acquireReplica() : () => db.acquireMaster() }]
}

function inTurn(pools: readonly pg.Pool[]): Subject['take'] {
  const [only] = pools
  if (only === undefined) throw new RangeError('there is no bare pool')
  let next = 0
  if (pools.length === 1) return () => only.connect()
  return () => (pools[next++ % pools.length] ?? only).connect()
}

async function turn(subject: Subject, { operations, concurrency, query }: Order): Promise<Report> {
  let left = operations
  const loop = async (): Promise<void> => {
    while (left-- > 0) {
      const connection = await subject.take()
      if (query) await connection.query('select 1')
      connection.release()
    }
  }
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(Array.from({ length: concurrency }, loop))
  const wallMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  return { wallUs: (wallMs * 1_000) / operations, cpuUs: (user + system) / operations }
}

async function fight([bare, hasql]: readonly [Subject, Subject], order: Order): Promise<readonly Pair[]> {
  const pairs: Pair[] = []
  const warmUp = Math.ceil(WARM_UP_OPERATIONS / order.operations)
  for (let count = -warmUp; count < order.pairs; count++) {
    const early = count % 2 === 0 ? await turn(bare, order) : undefined
    const own = await turn(hasql, order)
    const pair = { bare: early ?? (await turn(bare, order)), hasql: own }
    if (count >= 0) pairs.push(pair)
  }
  return pairs
}

const subjects = await makeSubjects(JSON.parse(process.argv[2] ?? '') as DuelSpec)
process.on('message', (order: Order) => {
  void fight(subjects, order).then((pairs) => process.send?.(pairs))
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
