import type { HostId } from '../dsn/host-spec.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { Random } from '../random/random.ts'
import type { Clock, Hold, Timer } from '../time/clock.ts'
import { ms } from '../time/milliseconds.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { Topology } from '../topology/topology.ts'
import { masters } from '../topology/topology.ts'

/** The longest pause between two connections made in advance; each is drawn anew, so that a fleet does not keep step. */
const WARM_GAP_MS = 5_000

type WarmedPool = Pick<HostPool<unknown, unknown>, 'size' | 'warm' | 'cool'>

/** What warming works with. */
export interface WarmerParts {
  readonly clock: Clock
  readonly random: Random
  readonly hold: Hold
  readonly poolOf: (hostId: HostId) => WarmedPool | undefined
}

/**
 * Has the pool of a new master grow to what the old one's held, one connection after another, at random intervals:
 * the load that the old master carried is on its way, and a process that connects all at once is a storm with its like.
 */
export class PoolWarmer {
  readonly #parts: WarmerParts
  /** How many connections the master's pool held when it last answered. */
  #held = 0
  #warming: { readonly pool: WarmedPool; readonly hostId: HostId; readonly target: number } | undefined
  #timer: Timer | undefined

  constructor(parts: WarmerParts) {
    this.#parts = parts
  }

  /** Looks at a new snapshot; with several masters there is no old and new one. */
  changed(topology: Topology, changes: readonly TopologyChange[]): void {
    const [master, ...others] = masters(topology)
    if (this.#warming !== undefined && this.#warming.hostId !== master?.hostId) this.stop()
    if (master === undefined || others.length > 0) return
    const pool = this.#parts.poolOf(master.hostId)
    if (pool === undefined) return
    for (const change of changes) {
      if (change.kind === 'master-changed' && change.before !== undefined) this.#begin(master.hostId, pool)
    }
    this.#held = this.#warming?.target ?? pool.size
  }

  /** Warms no more; what is in the pool stays. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#warming?.pool.cool()
    this.#warming = undefined
  }

  #begin(hostId: HostId, pool: WarmedPool): void {
    this.#warming = { hostId, pool, target: this.#held }
    this.#wait()
  }

  #wait(): void {
    const { clock, random, hold } = this.#parts
    this.#timer = clock.setTimer(ms(random() * WARM_GAP_MS), () => this.#next(), hold)
  }

  #next(): void {
    if (this.#warming?.pool.warm(this.#warming.target) === true) this.#wait()
    else this.stop()
  }
}
