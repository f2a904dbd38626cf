import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { News } from './news.ts'
import type { StackNode } from './stack.ts'

/** What a server is, asked directly. */
export type ServerState = 'down' | 'replica' | 'master'

/** A server as the oracle's process is told of it. */
export type OracleNode = Pick<StackNode, 'name' | 'port'>

/** A stretch of time in which one server accepted the oracle's inserts on one timeline, without a refusal. */
export interface Era {
  readonly node: string
  readonly timeline: number
  readonly fromMs: number
  /** `Infinity` while it lasts. */
  readonly untilMs: number
}

/** What the oracle's process says; moments are on the kernel's monotonic clock. */
export type OracleNews = { readonly node: string; readonly atMs: number } & (
  | { readonly kind: 'state'; readonly state: ServerState }
  | { readonly kind: 'era-began'; readonly timeline: number }
  | { readonly kind: 'era-ended' }
  | { readonly kind: 'probes'; readonly probes: number }
)

const START_LIMIT_MS = 60_000
const PROCESS = new URL('./oracle-process.ts', import.meta.url)

/** A process of its own that asks every server directly every 5 ms, and tries its own insert on whoever is writable. */
export class Oracle {
  /** Every era so far, in the order in which they began. */
  readonly eras: Era[] = []
  readonly states: { readonly node: string; readonly state: ServerState; readonly atMs: number }[] = []
  /** The most probe connections of the application that one server had, in two counts half a second apart. */
  readonly probes: Map<string, number> = new Map()
  readonly #lastProbes = new Map<string, number>()
  readonly #news = new News()
  readonly #child: ChildProcess

  private constructor(nodes: readonly OracleNode[]) {
    const told = nodes.map(({ name, port }) => ({ name, port }))
    this.#child = fork(PROCESS, [JSON.stringify(told)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 1, 2, 'ipc'],
    })
    this.#child.on('message', (news: OracleNews) => this.#note(news))
    this.#child.on('exit', () => this.#news.tell())
  }

  /** Resolves when the oracle's first insert has been accepted. */
  static async start(nodes: readonly OracleNode[]): Promise<Oracle> {
    const oracle = new Oracle(nodes)
    try {
      await oracle.era('the oracle inserts', () => true, START_LIMIT_MS)
      return oracle
    } catch (error) {
      await oracle.stop()
      throw error
    }
  }

  /** Another run begins: probes are counted anew. */
  beginRun(): void {
    this.probes.clear()
    this.#lastProbes.clear()
  }

  /** The first era that fits, now or as soon as there is one; rejects after the limit. */
  era(what: string, fits: (era: Era) => boolean, timeoutMs = 60_000): Promise<Era> {
    return this.#news.until(`${what} (oracle)`, () => this.eras.find(fits), timeoutMs)
  }

  /** The first moment since `sinceMs` in which the server was in one of the states. */
  state(node: StackNode, states: readonly ServerState[], sinceMs: number, timeoutMs = 60_000): Promise<number> {
    const find = (): number | undefined => {
      const own = this.states.filter((each) => each.node === node.name)
      const found = own.findIndex(
        ({ state }, at) => states.includes(state) && (own[at + 1]?.atMs ?? Infinity) > sinceMs,
      )
      return found === -1 ? undefined : Math.max(own[found]?.atMs ?? 0, sinceMs)
    }
    return this.#news.until(`${node.name} is ${states.join(' or ')} (oracle)`, find, timeoutMs)
  }

  stateOf(node: StackNode): ServerState {
    return this.states.findLast((each) => each.node === node.name)?.state ?? 'down'
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  #note(news: OracleNews): void {
    const { node } = news
    const atMs = news.atMs - Number(process.hrtime.bigint()) / 1e6 + performance.now()
    switch (news.kind) {
      case 'state':
        this.states.push({ node, state: news.state, atMs })
        break
      case 'era-began':
        this.eras.push({ node, timeline: news.timeline, fromMs: atMs, untilMs: Infinity })
        break
      case 'era-ended': {
        const index = this.eras.findLastIndex((era) => era.node === node)
        const era = this.eras[index]
        if (era !== undefined) this.eras[index] = { ...era, untilMs: atMs }
        break
      }
      case 'probes': {
        const lasting = Math.min(news.probes, this.#lastProbes.get(node) ?? 0)
        this.#lastProbes.set(node, news.probes)
        this.probes.set(node, Math.max(lasting, this.probes.get(node) ?? 0))
        break
      }
    }
    this.#news.tell()
  }
}
