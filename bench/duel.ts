import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What one side of a duel is. */
export type SubjectSpec =
  | {
      readonly kind: 'pg.Pool'
      readonly max: number
      readonly target: { host: string; port: number; user: string; password: string; database: string }
    }
  | {
      readonly kind: 'hasql'
      readonly max: number
      readonly dsn: string
      readonly policy: string
      readonly readOnly: boolean
    }

/** What a side is told to do. */
export interface Order {
  readonly operations: number
  readonly concurrency: number
  /** Whether `select 1` runs between acquire and release. */
  readonly query: boolean
}

/** What one operation took on average. */
export interface Report {
  readonly wallUs: number
  readonly cpuUs: number
}

/** Median over the pairs, and how the sides compare: ratios above 1 mean that hasql is the faster one. */
export interface DuelResult {
  readonly bare: Report
  readonly hasql: Report
  readonly wallRatio: number
  readonly cpuRatio: number
}

/** Two processes that take turns: what the machine does meanwhile happens to both. */
export class Duel implements AsyncDisposable {
  readonly #bare: ChildProcess
  readonly #hasql: ChildProcess

  private constructor(bare: ChildProcess, hasql: ChildProcess) {
    this.#bare = bare
    this.#hasql = hasql
  }

  static async between(bare: SubjectSpec, hasql: SubjectSpec): Promise<Duel> {
    return new Duel(await start(bare), await start(hasql))
  }

  async fight(order: Order, pairs: number): Promise<DuelResult> {
    const bare: Report[] = []
    const hasql: Report[] = []
    for (let pair = -2; pair < pairs; pair++) {
      const first = pair % 2 === 0 ? this.#bare : this.#hasql
      const second = first === this.#bare ? this.#hasql : this.#bare
      const [one, other] = [await ask(first, order), await ask(second, order)]
      if (pair < 0) continue
      bare.push(first === this.#bare ? one : other)
      hasql.push(first === this.#bare ? other : one)
    }
    return {
      bare: middle(bare),
      hasql: middle(hasql),
      wallRatio: median(bare.map(({ wallUs }, pair) => wallUs / (hasql[pair]?.wallUs ?? NaN))),
      cpuRatio: median(bare.map(({ cpuUs }, pair) => cpuUs / (hasql[pair]?.cpuUs ?? NaN))),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#bare, this.#hasql]) {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }
  }
}

async function start(spec: SubjectSpec): Promise<ChildProcess> {
  const worker = new URL('./worker.ts', import.meta.url)
  const child = fork(worker, [JSON.stringify(spec)], { execArgv: ['--import', 'tsx'] })
  await once(child, 'message')
  return child
}

async function ask(child: ChildProcess, order: Order): Promise<Report> {
  child.send(order)
  const [report] = (await once(child, 'message')) as [Report]
  return report
}

function middle(reports: readonly Report[]): Report {
  return { wallUs: median(reports.map(({ wallUs }) => wallUs)), cpuUs: median(reports.map(({ cpuUs }) => cpuUs)) }
}

export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN
}
