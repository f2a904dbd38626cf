import type { ManagerMetrics } from '../metrics/manager-metrics.ts'
import type { Topology } from '../topology/topology.ts'

/** What the page needs of a manager: any `PoolManager`. */
export interface WatchedManager {
  readonly topology: Topology
  readonly closing: boolean
  metrics(): ManagerMetrics
  on(event: 'topologyChange', listener: (record: { readonly topology: Topology }) => void): () => void
}

/**
 * Buttons for each host, for demonstrations and tests alone. The page shows them, and runs what they stand for, when it is
 * called from the same machine under a loopback name and from no other origin; `fetch` refuses them.
 */
export interface DashboardActions {
  /** What can be done to a host now, by the names on the buttons. */
  of(host: string): readonly string[]
  /** Does it; what a rejection says is shown. */
  run(action: string, host: string): Promise<void>
  /** A line about the application, shown under the state of the cluster. */
  note?(): string
}

/** The options of `dashboard`; all are optional. */
export interface DashboardOptions {
  /** The heading of the page; default `PostgreSQL`. */
  readonly title?: string
  /** Things to do to the hosts; default none: the page is read-only. */
  readonly actions?: DashboardActions
}
