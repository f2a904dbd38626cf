import pg from 'pg'
import {
  GreedyBalancerPolicy,
  PoolManager,
  PowerOfTwoBalancerPolicy,
  RandomWeightedBalancerPolicy,
  RoundRobinBalancerPolicy,
} from 'hasql/pg'
import type { BalancerPolicy } from 'hasql/pg'
import type { Order, Report, SubjectSpec } from './duel.ts'

/** One side of a duel, in a process of its own: what the other side does to the compiler is none of its business. */
interface Subject {
  take(): Promise<{ query(sql: string): Promise<unknown>; release(): void }>
}

const POLICIES: Readonly<Record<string, () => BalancerPolicy>> = {
  greedy: () => new GreedyBalancerPolicy(),
  'random-weighted': () => new RandomWeightedBalancerPolicy(),
  'round-robin': () => new RoundRobinBalancerPolicy(),
  'power-of-two': () => new PowerOfTwoBalancerPolicy(),
}

async function makeSubject(spec: SubjectSpec): Promise<Subject> {
  if (spec.kind === 'pg.Pool') {
    const pool = new pg.Pool({ ...spec.target, max: spec.max })
    return { take: () => pool.connect() }
  }
  const balancerPolicy = POLICIES[spec.policy]?.()
  if (balancerPolicy === undefined) throw new RangeError(`no policy ${spec.policy}`)
  const db = new PoolManager(spec.dsn, { balancerPolicy, poolOptions: { max: spec.max } })
  await db.waitAllReady(30_000)
  return { take: spec.readOnly ? () => db.acquireReplica() : () => db.acquireMaster() }
}

async function run(subject: Subject, { operations, concurrency, query }: Order): Promise<Report> {
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

const subject = await makeSubject(JSON.parse(process.argv[2] ?? '') as SubjectSpec)
process.on('message', (order: Order) => {
  void run(subject, order).then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
