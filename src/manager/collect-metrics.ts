import type { DriverMetrics, ManagerMetrics } from '../metrics/manager-metrics.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Engine } from './engine.ts'
import type { HostCandidate } from './host-candidate.ts'

/** A copy of all counters and sizes. */
export function collectMetrics<TConnection, TPool>(engine: Engine<TConnection, TPool>): ManagerMetrics {
  const { candidates, store, waiters, counters } = engine
  const { acquireTimeouts, failovers, outageMs, retries, stalls } = counters
  return {
    drivers: [...candidates.values()].map((candidate) => driverMetrics(candidate, engine)),
    hasql: {
      masters: masters(store.current).length,
      replicas: replicas(store.current).length,
      hosts: candidates.size,
      waiters: waiters.size,
      acquireTimeouts,
      failovers,
      outageMs,
      retries,
      stalls,
    },
  }
}

function driverMetrics<TConnection, TPool>(
  { hostId, pool, capacity, preference }: HostCandidate<TConnection, TPool>,
  { store, stuck, options }: Engine<TConnection, TPool>,
): DriverMetrics {
  const host = store.current.hosts.get(hostId)
  const lag = host !== undefined && 'lag' in host ? host.lag : undefined
  return {
    host: hostId,
    state: host?.kind ?? 'unknown',
    max: capacity,
    total: pool.size,
    used: pool.leased,
    warmed: pool.warmed,
    waiting: pool.waiting,
    responseTimeMs: host !== undefined && 'responseTimeMs' in host ? host.responseTimeMs : undefined,
    lagMs: lag?.ms,
    lagBytes: lag?.bytes,
    stuckMs: stuck.stuckMs(hostId, options.clock.nowMs()),
    ...pool.counters.copy(),
    labels: { ...preference.labels },
  }
}
