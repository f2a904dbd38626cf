import { getEventListeners } from 'node:events'
import type { FakeClient } from '../../support/fake/fake-connection.ts'
import type { Situation } from './situations.ts'
import { Stage } from './stage.ts'

export const INTERVENTIONS = ['abort', 'close', 'terminate', 'timeout', 'host loss'] as const
export type Intervention = (typeof INTERVENTIONS)[number]

/** What happens when: in turn `turn` of the story, `depth` promise reactions after everything else of that turn began. */
export interface Cut {
  readonly kind: Intervention
  readonly turn: number
  readonly depth: number
}

/** How a story went. */
export interface Told {
  readonly turns: number
  readonly problems: readonly string[]
  /** How its acquire ended: `leased`, or the code of the error. */
  readonly outcome: string
}

const ACQUIRE_TIMEOUT_MS = 300
const CLOSE_TIMEOUT_MS = 30
const MOST_TURNS = 5_000
/** What may still come after the end. */
const AFTERMATH_MS = 1_000

/**
 * Acquire, use, release; then, with everything healed, once more, to show that nothing was lost to the pool; then close.
 * Told once for each place in which something can come in between.
 */
export class Story {
  readonly #stage: Stage
  readonly #situation: Situation
  readonly #cuts: readonly Cut[]
  readonly #abort = new AbortController()
  readonly #problems: string[] = []
  readonly #closings: Promise<void>[] = []
  #outcome = 'pending'
  #isSecond = false
  #isOver = false

  constructor(situation: Situation, cuts: readonly Cut[]) {
    this.#situation = situation
    this.#cuts = cuts
    this.#stage = new Stage(situation)
  }

  async tell(): Promise<Told> {
    const stage = this.#stage
    let isReady = false
    void this.#situation.prepare(stage).then(() => {
      isReady = true
    })
    let turns = 0
    try {
      await stage.play(() => isReady, MOST_TURNS)
      void this.#act()
      this.#situation.meanwhile?.(stage)
      turns = await stage.play(
        () => this.#isOver,
        MOST_TURNS,
        (turn) => this.#cut(turn),
      )
      let isQuiet = false
      stage.loop.afterIo(AFTERMATH_MS, () => {
        isQuiet = true
      })
      await stage.play(() => isQuiet, MOST_TURNS)
    } catch (error) {
      this.#problems.push(error instanceof Error ? error.message : String(error))
    }
    const listeners = getEventListeners(this.#abort.signal, 'abort').length
    if (listeners > 0) this.#problems.push(`${listeners} abort listeners`)
    return { turns, outcome: this.#outcome, problems: [...this.#problems, ...stage.leftovers()] }
  }

  async #act(): Promise<void> {
    const { db, cluster } = this.#stage
    await this.#lease(ACQUIRE_TIMEOUT_MS, this.#abort.signal)
    if (!db.closing) {
      this.#isSecond = true
      cluster.heal()
      await this.#lease(30_000, undefined)
    }
    this.#closings.push(db.close({ timeoutMs: CLOSE_TIMEOUT_MS }))
    // The same promise on every call.
    if (new Set(this.#closings).size > 1) this.#problems.push('closing again is another promise')
    await Promise.all(this.#closings)
    this.#isOver = true
  }

  async #lease(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { db } = this.#stage
    const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) }
    let client: FakeClient
    try {
      const leased = this.#situation.wanted === 'master' ? db.acquireMaster(options) : db.acquireReplica(options)
      client = await leased
    } catch (error) {
      this.#rejected(error)
      return
    }
    if (!this.#isSecond) this.#outcome = 'leased'
    try {
      await client.query(this.#situation.wanted === 'master' ? 'write 1' : 'read')
    } catch (error) {
      const mayFail = this.#happened('host loss', 'close', 'terminate') || this.#situation.meanwhile !== undefined
      if (!mayFail) this.#problems.push(`the statement failed: ${String(error)}`)
    }
    try {
      db.release(client)
    } catch (error) {
      this.#problems.push(`the release failed: ${String(error)}`)
    }
  }

  #rejected(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (!this.#isSecond) this.#outcome = code
    const isDue =
      (code === 'ERR_HASQL_ABORTED' && this.#happened('abort') && !this.#isSecond) ||
      (code === 'ERR_HASQL_CLOSED' && this.#stage.db.closing) ||
      (code === 'ERR_HASQL_ACQUIRE_TIMEOUT' && this.#happened('timeout', 'host loss'))
    if (!isDue) this.#problems.push(`the ${this.#isSecond ? 'second' : 'first'} acquire failed: ${String(error)}`)
  }

  #cut(turn: number): void {
    for (const { kind, depth } of this.#cuts.filter((cut) => cut.turn === turn)) {
      let hops = Promise.resolve()
      if (depth === 0) this.#intervene(kind)
      else {
        for (let i = 1; i < depth; i += 1) hops = hops.then()
        void hops.then(() => this.#intervene(kind))
      }
    }
  }

  #happened(...kinds: readonly Intervention[]): boolean {
    return this.#cuts.some(({ kind }) => kinds.includes(kind))
  }

  #intervene(kind: Intervention): void {
    const { db, loop, cluster } = this.#stage
    switch (kind) {
      case 'abort':
        return this.#abort.abort(new Error('the caller gave up'))
      case 'close':
        return void this.#closings.push(db.close({ timeoutMs: CLOSE_TIMEOUT_MS }))
      case 'terminate':
        return void this.#closings.push(db.terminate())
      case 'timeout':
        return loop.stall(ACQUIRE_TIMEOUT_MS + 1)
      case 'host loss': {
        const server = this.#situation.wanted === 'master' ? cluster.master : this.#stage.server(1)
        if (server?.state === 'running') server.stop('ECONNRESET', 0)
      }
    }
  }
}
