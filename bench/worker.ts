import pg from 'pg'
import postgres from 'postgres'
import {
  GreedyBalancerPolicy,
  PoolManager,
  PowerOfTwoBalancerPolicy,
  RandomWeightedBalancerPolicy,
  RoundRobinBalancerPolicy,
} from 'hasql/pg'
import type { BalancerPolicy } from 'hasql/pg'
import { PoolManager as PostgresManager } from 'hasql/postgres'
import type { DuelSpec, Order, Report } from './duel.ts'

/** One side of a duel. */
interface Subject {
  /** One operation after the other, with or without a query, for as long as there are more to do. */
  loop(query: boolean, isMore: () => boolean): Promise<void>
}

type Take = () => Promise<{ query(sql: string): Promise<unknown>; release(): void }>

const POLICIES: Readonly<Record<string, () => BalancerPolicy>> = {
  greedy: () => new GreedyBalancerPolicy(),
  'random-weighted': () => new RandomWeightedBalancerPolicy(),
  'round-robin': () => new RoundRobinBalancerPolicy(),
  'power-of-two': () => new PowerOfTwoBalancerPolicy(),
}

async function makeSubject(side: string, spec: DuelSpec): Promise<Subject> {
  const { max } = spec
  if (spec.driver === 'postgres') return bySql(side === 'bare' ? plainSql(spec) : await managedSql(spec))
  if (side === 'bare') {
    const settings = { ...spec.bare, max, idleTimeoutMillis: 0 }
    const pools = Array.from({ length: spec.barePools }, () => new pg.Pool(settings))
    // Who is sent to a busy pool while others are idle waits, on either side: that is the policy's law, not its cost.
    if (spec.byPool) return byPool(pools[0])
    return byLease(spec.policy === 'random-weighted' ? atRandom(pools) : inTurn(pools))
  }
  const balancerPolicy = POLICIES[spec.policy]?.()
  if (balancerPolicy === undefined) throw new RangeError(`no policy ${spec.policy}`)
  const db = new PoolManager(spec.dsn, { balancerPolicy, poolOptions: { max, idleTimeoutMillis: 0 } })
  await db.waitAllReady(30_000)
  if (spec.byPool) return byPool(spec.readOnly ? db.replicaPool : db.masterPool)
  return byLease(spec.readOnly ? () => db.acquireReplica() : () => db.acquireMaster())
}

function byLease(take: Take): Subject {
  return {
    loop: async (query, isMore) => {
      while (isMore()) {
        const connection = await take()
        if (query) await connection.query('select 1')
        connection.release()
      }
    },
  }
}

function plainSql({ bare, max }: DuelSpec): postgres.Sql {
  return postgres({ ...bare, max, ssl: false })
}

async function managedSql({ dsn, max }: DuelSpec): Promise<postgres.Sql> {
  const db = new PostgresManager(dsn, { poolOptions: { max } })
  await db.waitAllReady(30_000)
  return db.master
}

function bySql(sql: postgres.Sql): Subject {
  return {
    loop: async (_query, isMore) => {
      while (isMore()) await sql`select 1`
    },
  }
}

function byPool(pool: pg.Pool | undefined): Subject {
  if (pool === undefined) throw new RangeError('there is no pool')
  return {
    loop: async (_query, isMore) => {
      while (isMore()) await pool.query('select 1')
    },
  }
}

function inTurn(pools: readonly pg.Pool[]): Take {
  const [only] = pools
  if (only === undefined) throw new RangeError('there is no bare pool')
  let next = 0
  if (pools.length === 1) return () => only.connect()
  return () => (pools[next++ % pools.length] ?? only).connect()
}

function atRandom(pools: readonly pg.Pool[]): Take {
  const [only] = pools
  if (only === undefined) throw new RangeError('there is no bare pool')
  return () => (pools[Math.floor(Math.random() * pools.length)] ?? only).connect()
}

async function turn(subject: Subject, { operations, concurrency, query }: Order): Promise<Report> {
  let left = operations
  const loop = (): Promise<void> => subject.loop(query, () => left-- > 0)
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(Array.from({ length: concurrency }, loop))
  const wallMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  return { wallUs: (wallMs * 1_000) / operations, cpuUs: (user + system) / operations }
}

const [side = '', spec = ''] = process.argv.slice(2)
const subject = await makeSubject(side, JSON.parse(spec) as DuelSpec)
process.on('message', (order: Order) => {
  void turn(subject, order).then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
