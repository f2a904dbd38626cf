import type { DriverMetrics, ManagerMetrics } from '../metrics/manager-metrics.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Engine } from './engine.ts'
import { describeState } from './explain.ts'
import type { HostCandidate } from './host-candidate.ts'

/** A copy of all counters and sizes. */
export function collectMetrics<TConnection, TPool>(engine: Engine<TConnection, TPool>): ManagerMetrics {
  const { candidates, store, waiters, counters, options } = engine
  const { acquireTimeouts, masterChanges, failovers, outages, outageMs, retries, stalls } = counters
  return {
    drivers: [...candidates.values()].map((candidate) => driverMetrics(candidate, engine)),
    hasql: {
      masters: masters(store.current).length,
      replicas: replicas(store.current).length,
      hosts: candidates.size,
      waiters: waiters.size,
      acquireTimeouts,
      masterChanges,
      failovers,
      outages,
      outageMs,
      currentOutageMs: counters.outageMsNow(store.current, options.clock.nowMs()),
      retries,
      stalls,
    },
  }
}

function driverMetrics<TConnection, TPool>(
  { hostId, pool, capacity, probes, preference }: HostCandidate<TConnection, TPool>,
  { store, stuck, syncWaits, options }: Engine<TConnection, TPool>,
): DriverMetrics {
  const nowMs = options.clock.nowMs()
  const host = store.current.hosts.get(hostId)
  const lag = host !== undefined && 'lag' in host ? host.lag : undefined
  const { size, leased, connecting } = pool
  return {
    host: hostId,
    state: host?.kind ?? 'unknown',
    role: roleOf(host),
    why: host === undefined ? 'is not watched' : describeState(host, store.current, nowMs),
    stateMs: host === undefined ? 0 : nowMs - host.sinceMs,
    min: pool.driverPool.minimum ?? 0,
    max: capacity,
    total: size,
    idle: size - leased - connecting,
    used: leased,
    connecting,
    warmed: pool.kept.warmed,
    waiting: pool.waiting,
    responseTimeMs: host !== undefined && 'responseTimeMs' in host ? host.responseTimeMs : undefined,
    lagMs: lag?.ms,
    lagBytes: lag?.bytes,
    stuckMs: stuck.stuckMs(hostId, nowMs),
    syncWaitMs: syncWaits.waitMs(hostId, nowMs),
    ...pool.counters.copy(),
    ...probes.copy(),
    labels: { ...preference.labels },
  }
}

/** What callers get the host as. */
function roleOf(host: HostDescription | undefined): DriverMetrics['role'] {
  switch (host?.kind) {
    case 'master':
      return 'master'
    case 'replica':
    case 'read-only-master':
      return 'replica'
    default:
      return undefined
  }
}
