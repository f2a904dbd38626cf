import type { TopologyChange } from '../topology/diff.ts'

/** What happened to a manager since it was made. Only ever grows. */
export class ManagerCounters {
  /** Acquires that ran out of time, wherever they waited. */
  acquireTimeouts = 0
  /** Changes of master after the first one was found. */
  failovers = 0
  /** Times without any known master that have ended, summed, in milliseconds; the first search is not one. */
  outageMs = 0
  /** Functions run again on another lease. */
  retries = 0
  /** Checks of hosts that went on for longer, or were void, because the event loop stood still. */
  stalls = 0
  #hadMaster = false

  count(changes: readonly TopologyChange[]): void {
    for (const change of changes) {
      if (change.kind === 'master-changed' && change.before !== undefined) this.failovers += 1
      if (change.kind !== 'master-found') continue
      if (this.#hadMaster) this.outageMs += change.outageMs
      this.#hadMaster = true
    }
  }
}
