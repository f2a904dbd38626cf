import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { PoolManager } from 'hasql/pg'
import type { HostDescription, HostId } from 'hasql/pg'
import { Workload } from './workload.ts'

export const REFRESH_DELAY_MS = 1_000
export const REFRESH_TIMEOUT_MS = 1_000
export const WRITERS = 4
export const READERS = 4

/** A cluster, a manager and an application on it, and the clockwork to measure a fault with. */
export class Drill implements AsyncDisposable {
  readonly cluster: PgCluster
  readonly db: PoolManager
  readonly workload: Workload

  private constructor(cluster: PgCluster, db: PoolManager, workload: Workload) {
    this.cluster = cluster
    this.db = db
    this.workload = workload
  }

  static async start({ pauseMs = 2 }: { readonly pauseMs?: number } = {}): Promise<Drill> {
    const cluster = await PgCluster.start({ replicas: 2 })
    const master = await cluster.master()
    await master.query('create table writes (id bigint primary key)')
    await master.query(`grant all on writes to ${cluster.user}`)
    const db = new PoolManager(cluster.dsn, {
      refreshDelayMs: REFRESH_DELAY_MS,
      refreshTimeoutMs: REFRESH_TIMEOUT_MS,
      acquireTimeoutMs: 10_000,
      poolOptions: { max: WRITERS + READERS },
    })
    await db.ready({ mastersCount: 1, replicasCount: 2 })
    return new Drill(cluster, db, new Workload(db, WRITERS, READERS, pauseMs))
  }

  hostId(node: PgNode): HostId {
    const spec = this.db.dsn.hosts.find(({ port }) => port === node.port)
    if (spec === undefined) throw new Error(`${node.name} is not in the DSN`)
    return spec.hostId
  }

  stateOf(node: PgNode): HostDescription {
    const state = this.db.topology.hosts.get(this.hostId(node))
    if (state === undefined) throw new Error(`${node.name} is not in the topology`)
    return state
  }

  /** Whether the manager would lease a connection to the node's host now. */
  isInUse(node: PgNode): boolean {
    const state = this.stateOf(node)
    const usable = state.kind === 'master' || state.kind === 'replica'
    return usable && state.suspicion === undefined
  }

  /** Every fault begins with a healthy cluster: one master, two replicas, the application at work for a moment. */
  async settle(): Promise<void> {
    await this.db.ready({ mastersCount: 1, replicasCount: 2, timeoutMs: 30_000 })
    await sleep(300)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.workload.stop()
    await this.db.close({ timeoutMs: 1_000 })
    await this.cluster.close()
  }
}

export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

/** Resolves to the moment a condition became true, looked at every millisecond. */
export async function momentWhen(isTrue: () => boolean, timeoutMs: number): Promise<number> {
  const endMs = performance.now() + timeoutMs
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`This did not happen within ${timeoutMs} ms: ${isTrue.toString()}`)
    await sleep(1)
  }
  return performance.now()
}
