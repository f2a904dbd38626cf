import type { TopologyChange } from '../topology/diff.ts'
import type { Topology } from '../topology/topology.ts'

/** What happened to a manager since it was made. Only ever grows. */
export class ManagerCounters {
  /** Acquires that ran out of time, wherever they waited. */
  acquireTimeouts = 0
  masterChanges = 0
  /** Changes of master after the first one was found. */
  failovers = 0
  /** Times without any known master, the one under way included; the first search is not one. */
  outages = 0
  /** Times without any known master that have ended, summed, in milliseconds. */
  outageMs = 0
  /** Functions run again on another lease. */
  retries = 0
  /** Checks of hosts that went on for longer, or were void, because the event loop stood still. */
  stalls = 0
  #hadMaster = false

  /** For how long no master has been known now, in milliseconds; 0 while there is one, and in the first search. */
  outageMsNow({ masterlessSinceMs }: Topology, nowMs: number): number {
    return this.#hadMaster && masterlessSinceMs !== undefined ? nowMs - masterlessSinceMs : 0
  }

  count(changes: readonly TopologyChange[]): void {
    for (const change of changes) {
      if (change.kind === 'master-changed') {
        this.masterChanges += 1
        if (change.before !== undefined) this.failovers += 1
      }
      if (change.kind === 'master-lost') this.outages += 1
      if (change.kind !== 'master-found') continue
      if (this.#hadMaster) this.outageMs += change.outageMs
      this.#hadMaster = true
    }
  }
}
