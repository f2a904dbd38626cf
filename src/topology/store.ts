import type { TopologyChange } from './diff.ts'
import { diffTopology } from './diff.ts'
import type { TopologyInput } from './observation.ts'
import type { ReduceRules } from './reduce.ts'
import { reduceTopology } from './reduce.ts'
import type { Topology } from './topology.ts'

/** Called in the same turn in which the snapshot was replaced. */
export type TopologyListener = (topology: Topology, changes: readonly TopologyChange[]) => void

/** Holds the current snapshot and is the only writer of it (law 1). */
export class TopologyStore {
  #current: Topology
  readonly #rules: ReduceRules
  readonly #listener: TopologyListener
  readonly #inbox: TopologyInput[] = []
  #applying = false

  constructor(initial: Topology, rules: ReduceRules, listener: TopologyListener) {
    this.#current = initial
    this.#rules = rules
    this.#listener = listener
  }

  get current(): Topology {
    return this.#current
  }

  /**
   * Takes an observation, or an operator's word, in: replaces the snapshot and lets its effects happen, all in this turn (law 2). An effect
   * that observes something itself is heard right after, never in the middle of another one's effects.
   */
  apply(seen: TopologyInput): void {
    this.#inbox.push(seen)
    if (this.#applying) return
    this.#applying = true
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#step(next)
    } finally {
      this.#applying = false
    }
  }

  #step(seen: TopologyInput): void {
    const before = this.#current
    const after = reduceTopology(before, seen, this.#rules)
    if (after === before) return
    this.#current = after
    this.#listener(after, diffTopology(before, after))
  }
}
