import type { HostId } from '../dsn/host-spec.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { Topology } from '../topology/topology.ts'
import type { StuckHost } from './events.ts'

type WatchedPool = Pick<HostPool<unknown, unknown>, 'leased' | 'waiting' | 'counters' | 'driverPool'>

interface Watch {
  readonly seenAtMs: Milliseconds
  readonly releases: number
  /** Since when the pool is full and nothing comes back; undefined: it is not, or something does. */
  readonly fullSinceMs: Milliseconds | undefined
  readonly told: boolean
}

/**
 * Notices a host that is only half alive: it answers its checks, but every connection is leased, none comes back from
 * one check to the next, and callers wait. A hung disk, a lock, a synchronous replica that is gone: no check sees them. Nothing is
 * done about it (there is no other master to go to), but it is said.
 */
export class StuckLeases {
  readonly #watches = new Map<HostId, Watch>()
  readonly #poolOf: (hostId: HostId) => WatchedPool | undefined

  constructor(poolOf: (hostId: HostId) => WatchedPool | undefined) {
    this.#poolOf = poolOf
  }

  /** Looks at a new snapshot; returns the hosts that are found stuck now and were not before. */
  changed(topology: Topology): readonly StuckHost[] {
    const found: StuckHost[] = []
    for (const [hostId, host] of topology.hosts) {
      const pool = this.#poolOf(hostId)
      const before = this.#watches.get(hostId)
      if (pool === undefined || !isAnswering(host) || before?.seenAtMs === host.seenAtMs) continue
      const after = look(before, pool, host.seenAtMs)
      this.#watches.set(hostId, after)
      if (!after.told || before?.told === true) continue
      const { leased, waiting } = pool
      found.push({ host: hostId, sinceMs: after.fullSinceMs ?? host.seenAtMs, leased, waiting })
    }
    return found
  }

  /** For how long a host has been stuck; 0 when it is not. */
  stuckMs(hostId: HostId, nowMs: Milliseconds): number {
    const watch = this.#watches.get(hostId)
    const isStuck = watch?.told === true && watch.releases === this.#poolOf(hostId)?.counters.releases
    return isStuck && watch.fullSinceMs !== undefined ? nowMs - watch.fullSinceMs : 0
  }
}

function look(before: Watch | undefined, pool: WatchedPool, seenAtMs: Milliseconds): Watch {
  const { releases } = pool.counters
  const isFull = pool.leased >= pool.driverPool.capacity && pool.waiting > 0
  const isSame = isFull && before?.fullSinceMs !== undefined && before.releases === releases
  if (isSame) return { seenAtMs, releases, fullSinceMs: before.fullSinceMs, told: true }
  return { seenAtMs, releases, fullSinceMs: isFull ? seenAtMs : undefined, told: false }
}
