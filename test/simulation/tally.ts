import type { Topology } from '../../src/topology/topology.ts'
import type { Fault } from './scenario.ts'
import type { Workload } from './workload.ts'
import type { World } from './world.ts'

/** How often faults of one kind struck, met a manager with calls or leases under way, and were noticed by it. */
export interface Met {
  readonly struck: number
  readonly busy: number
  readonly felt: number
}

export type FaultTally = ReadonlyMap<Fault['kind'], Met>

/** Kinds that look for the master, whichever host that is. */
const MASTER_KINDS: ReadonlySet<Fault['kind']> = new Set([
  'failover',
  'switchover',
  'demotion',
  'silent demotion',
  'misled sessions',
  'half-dead master',
  'read-only master',
  'double promotion',
])
/** What a fault leaves behind may be noticed a little later. */
const AFTERMATH_MS = 200

interface Under {
  readonly kind: Fault['kind']
  readonly hostId: string | undefined
  readonly untilMs: number
  readonly isBusy: boolean
  isFelt: boolean
}

/**
 * Shows that the faults of a run are not spent on an idle manager. A fault counts as noticed when, while it lasts, the
 * manager loses or is refused a connection of that host, drops a probe of it, is pushed a setting, or sees it change, or
 * when an acquire runs out of time.
 */
export class Tally {
  readonly #world: World
  readonly #workload: Workload
  readonly #faults: Under[] = []

  constructor(world: World, workload: Workload) {
    this.#world = world
    this.#workload = workload
    const { announcer } = world
    announcer.on('fault', ({ pool }) => this.#felt(pool.hostId))
    announcer.on('connectFailed', ({ hostId }) => this.#felt(hostId))
    announcer.on('probeDropped', ({ hostId }) => this.#felt(hostId))
    announcer.on('hinted', (hostId) => this.#felt(hostId))
    announcer.on('rejected', () => this.#felt(undefined))
    announcer.on('snapshot', (before, after) => this.#compare(before, after))
  }

  struck({ kind, host, forMs }: Fault): void {
    const { cluster, loop } = this.#world
    const server = MASTER_KINDS.has(kind) ? cluster.master : cluster.servers[host]
    const isBusy = this.#workload.openCalls + this.#workload.held > 0
    const untilMs = loop.nowMs() + forMs + AFTERMATH_MS
    this.#faults.push({ kind, hostId: server?.hostId, untilMs, isBusy, isFelt: false })
  }

  get counts(): FaultTally {
    const one = ({ isBusy, isFelt }: Under): Met => ({ struck: 1, busy: Number(isBusy), felt: Number(isFelt) })
    return addUp(this.#faults.map((fault) => new Map([[fault.kind, one(fault)]])))
  }

  #felt(hostId: string | undefined): void {
    const nowMs = this.#world.loop.nowMs()
    for (const fault of this.#faults) {
      if (nowMs <= fault.untilMs && (hostId === undefined || hostId === fault.hostId)) fault.isFelt = true
    }
  }

  #compare(before: Topology, after: Topology): void {
    if (this.#faults.length === 0) return
    for (const [hostId, { kind }] of after.hosts) {
      if (before.hosts.get(hostId)?.kind !== kind) this.#felt(hostId)
    }
  }
}

/** The counts of several runs in one. */
export function addUp(tallies: Iterable<FaultTally>): FaultTally {
  const sum = new Map<Fault['kind'], Met>()
  for (const tally of tallies) {
    for (const [kind, { struck, busy, felt }] of tally) {
      const old = sum.get(kind) ?? { struck: 0, busy: 0, felt: 0 }
      sum.set(kind, { struck: old.struck + struck, busy: old.busy + busy, felt: old.felt + felt })
    }
  }
  return sum
}
