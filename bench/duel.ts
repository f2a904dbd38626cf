import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * The two sides of a duel: hasql on the hosts of a DSN, and what an application has without it: a bare `pg.Pool` for each host,
 * taken in turn.
 */
export interface DuelSpec {
  readonly bare: { host: string; port: number; user: string; password: string; database: string }
  /** How many bare pools there are. */
  readonly barePools: number
  readonly dsn: string
  readonly policy: string
  readonly readOnly: boolean
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
 * Both sides in one process, in short turns: whatever core, clock rate or neighbour the process has, both have it.
 * Two processes that take turns do not do: which core each of them shares with a server is a matter of luck, and worth
 * more than what is to be measured. Nor does a forced collection between turns: it throws compiled code away, and is
 * felt most by the side that has more of it.
 */
export class Duel implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async between(spec: DuelSpec): Promise<Duel> {
    const worker = new URL('./worker.ts', import.meta.url)
    // This tsconfig names no source paths: the worker imports the built package, as its users do.
    const env = {
      ...process.env,
      TSX_TSCONFIG_PATH: fileURLToPath(new URL('./built-package.tsconfig.json', import.meta.url)),
    }
    const child = fork(worker, [JSON.stringify(spec)], { execArgv: ['--import', 'tsx'], env })
    await once(child, 'message')
    return new Duel(child)
  }

  async fight(order: Order): Promise<readonly Pair[]> {
    this.#child.send(order)
    const [pairs] = (await once(this.#child, 'message')) as [readonly Pair[]]
    return pairs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

/** What the pairs of one or several duels say together. */
export function judge(pairs: readonly Pair[]): DuelResult {
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
