import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pin } from './pin.ts'

/**
 * The two sides of a duel: hasql on the hosts of a DSN, and what an application has without it: a bare `pg.Pool` for each host,
 * taken in turn, or at random beside the policy that does so; of postgres.js one, whose statements are compared with those of
 * `db.master`.
 */
export interface DuelSpec {
  readonly driver: 'pg' | 'postgres'
  readonly bare: { host: string; port: number; user: string; password: string; database: string }
  /** How many bare pools there are. */
  readonly barePools: number
  readonly dsn: string
  readonly policy: string
  readonly readOnly: boolean
  /** Whether the pool is asked to run a query, `pool.query`, instead of a lease being taken and given back. */
  readonly byPool: boolean
  /** Connections of each pool, on both sides. */
  readonly max: number
}

/** What both sides are told to do, in turns. */
export interface Order {
  /** Pairs of turns; who goes first alternates. */
  readonly pairs: number
  /** Operations of one turn. */
  readonly operations: number
  readonly concurrency: number
  /** Whether `select 1` runs between acquire and release. */
  readonly query: boolean
}

/** What one operation took on average, in one turn. */
export interface Report {
  readonly wallUs: number
  readonly cpuUs: number
}

/** One pair of turns that followed each other at once. */
export interface Pair {
  readonly bare: Report
  readonly hasql: Report
}

/** Medians over the pairs; ratios above 1 mean that hasql is the faster one. */
export interface DuelResult {
  readonly bare: Report
  readonly hasql: Report
  readonly wallRatio: number
  readonly cpuRatio: number
}

/**
 * Two processes that take turns, so that what the machine does meanwhile happens to both. Not one process for both sides: the
 * compiler would see the objects of either, and be at its best with one of them by chance. Where the system lets us, both
 * processes have one core and the servers another: else the luck of who shares a core with whom is worth more than what is
 * measured.
 */
export class Duel implements AsyncDisposable {
  readonly #bare: ChildProcess
  readonly #hasql: ChildProcess

  private constructor(bare: ChildProcess, hasql: ChildProcess) {
    this.#bare = bare
    this.#hasql = hasql
  }

  static async between(spec: DuelSpec): Promise<Duel> {
    const duel = new Duel(await start('bare', spec), await start('hasql', spec))
    await duel.#warmUp({ pairs: 1, operations: FIRST_OPERATIONS, concurrency: 10, query: true })
    return duel
  }

  async fight(order: Order): Promise<readonly Pair[]> {
    await this.#warmUp({ ...order, operations: WARM_UP_OPERATIONS })
    const pairs: Pair[] = []
    for (let count = 0; count < order.pairs; count++) {
      const early = count % 2 === 0 ? await ask(this.#bare, order) : undefined
      const own = await ask(this.#hasql, order)
      pairs.push({ bare: early ?? (await ask(this.#bare, order)), hasql: own })
    }
    return pairs
  }

  async #warmUp(order: Order): Promise<void> {
    for (const side of [this.#bare, this.#hasql]) await ask(side, order)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#bare, this.#hasql]) {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }
  }
}

/** Operations of each side before anything counts: code is compiled, on the very core that runs it, and more than once. */
const FIRST_OPERATIONS = 60_000
/** And before those of one order: connections are made. */
const WARM_UP_OPERATIONS = 4_000

async function start(side: 'bare' | 'hasql', spec: DuelSpec): Promise<ChildProcess> {
  const worker = new URL('./worker.ts', import.meta.url)
  // This tsconfig names no source paths: the worker imports the built package, as its users do.
  const env = {
    ...process.env,
    TSX_TSCONFIG_PATH: fileURLToPath(new URL('./built-package.tsconfig.json', import.meta.url)),
  }
  const child = fork(worker, [side, JSON.stringify(spec)], { execArgv: ['--import', 'tsx'], env })
  await once(child, 'message')
  if (child.pid !== undefined) pin(child.pid, 0)
  return child
}

async function ask(child: ChildProcess, order: Order): Promise<Report> {
  child.send(order)
  const [report] = (await once(child, 'message')) as [Report]
  return report
}

/** Fresh processes: which core each connection shares with which server is a matter of luck, once per process. */
const DUELS = 7

/** Several duels of fresh processes, each over all orders; judged over all pairs of all duels. */
export async function fights(spec: DuelSpec, orders: readonly Order[]): Promise<DuelResult[]> {
  const pairs = orders.map((): Pair[] => [])
  for (let count = 0; count < DUELS; count++) {
    await using duel = await Duel.between(spec)
    for (const [place, order] of orders.entries()) pairs[place]?.push(...(await duel.fight(order)))
  }
  return pairs.map(judge)
}

/** What the pairs of one or several duels say together. */
function judge(pairs: readonly Pair[]): DuelResult {
  return {
    bare: middle(pairs.map(({ bare }) => bare)),
    hasql: middle(pairs.map(({ hasql }) => hasql)),
    wallRatio: median(pairs.map(({ bare, hasql }) => bare.wallUs / hasql.wallUs)),
    cpuRatio: median(pairs.map(({ bare, hasql }) => bare.cpuUs / hasql.cpuUs)),
  }
}

function middle(reports: readonly Report[]): Report {
  return { wallUs: median(reports.map(({ wallUs }) => wallUs)), cpuUs: median(reports.map(({ cpuUs }) => cpuUs)) }
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN
}
