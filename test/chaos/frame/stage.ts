import { dirname } from 'node:path'
import { PoolManager } from 'hasql/pg'
import type { HostDescription, HostId, PgManagerOptions } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgClusterOptions, PgNode } from 'hasql/testing'
import { checkHistory } from '../history/check-history.ts'
import type { Verdict } from '../history/check-history.ts'
import type { Holding, WrittenRow } from '../history/write-record.ts'
import { EscapedErrors } from './escaped.ts'
import { Leftovers } from './leftovers.ts'
import { Watch } from './watch.ts'
import { CREATE_WRITES, Workload } from './workload.ts'
import type { WorkloadOptions } from './workload.ts'

/** Where the manager finds a node: the node itself, or something in front of it. */
export interface Place {
  readonly host: string
  readonly port: number
}

export interface StageOptions {
  readonly cluster?: PgClusterOptions
  readonly manager?: PgManagerOptions
  readonly workload?: WorkloadOptions
  /** What to put in front of each node; default nothing. */
  readonly front?: (node: PgNode) => Promise<Place>
  /** Runs before the cluster is closed, to take down what `front` set up. */
  readonly takeDown?: () => Promise<void>
}

/** Four writers and four readers. */
export const USUAL_WORKLOAD: WorkloadOptions = { writers: 4, readers: 4 }

/** hasql's defaults, by which the bounds are computed. */
export const REFRESH_DELAY_MS = 1_000
export const REFRESH_TIMEOUT_MS = 1_000
export const CONNECT_TIMEOUT_MS = 3_000

/** A cluster, a manager and an application on it, and everything that is noted of them; judged when it is finished. */
export class Stage implements AsyncDisposable {
  readonly cluster: PgCluster
  readonly db: PoolManager
  readonly watch: Watch
  readonly workload: Workload
  readonly #places: ReadonlyMap<PgNode, Place>
  readonly #takeDown: (() => Promise<void>) | undefined
  readonly #leftovers: Leftovers
  readonly #escaped: EscapedErrors
  readonly #leftBehind: Holding[] = []
  readonly #folders: readonly string[]
  #closing: Promise<void> | undefined

  private constructor(
    cluster: PgCluster,
    places: ReadonlyMap<PgNode, Place>,
    tidy: { leftovers: Leftovers; escaped: EscapedErrors; folders: readonly string[] },
    options: StageOptions,
  ) {
    this.cluster = cluster
    this.#places = places
    this.#takeDown = options.takeDown
    this.#leftovers = tidy.leftovers
    this.#escaped = tidy.escaped
    this.#folders = tidy.folders
    this.db = new PoolManager(cluster.dsnOf(...places.values()), {
      acquireTimeoutMs: 15_000,
      ...options.manager,
    })
    this.watch = new Watch(this.db)
    this.workload = new Workload(this.db, options.workload ?? USUAL_WORKLOAD)
  }

  /** Starts everything; resolves when all hosts are in use and the application is at work. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const tidy = { leftovers: new Leftovers(), escaped: new EscapedErrors() }
    const cluster = await PgCluster.start({ replicas: 2, ...options.cluster })
    try {
      const master = await cluster.master()
      await master.query(CREATE_WRITES)
      await master.query(`grant all on writes to ${cluster.user}`)
      const [sockets] = await master.query<{ path: string }>(
        "select current_setting('unix_socket_directories') as path",
      )
      const folders = [sockets?.path ?? '', ...new Set(cluster.nodes.map(({ dataFolder }) => dirname(dataFolder)))]
      const places = new Map<PgNode, Place>()
      for (const node of cluster.nodes) places.set(node, (await options.front?.(node)) ?? node)
      const stage = new Stage(cluster, places, { ...tidy, folders }, options)
      await stage.settle()
      return stage
    } catch (error) {
      await options.takeDown?.()
      await cluster.close()
      tidy.escaped[Symbol.dispose]()
      throw error
    }
  }

  /** Waits for a healthy cluster, every host in use, and lets the application work for a moment. */
  async settle(): Promise<void> {
    const replicasCount = this.cluster.nodes.length - 1
    await this.db.ready({ mastersCount: 1, replicasCount, timeoutMs: 30_000 })
    await pause(300)
  }

  hostId(node: PgNode): HostId {
    const place = this.#places.get(node)
    const spec = this.db.dsn.hosts.find(({ host, port }) => port === place?.port && host === place.host)
    if (spec === undefined) throw new Error(`${node.name} is not in the DSN`)
    return spec.hostId
  }

  stateOf(node: PgNode): HostDescription {
    const state = this.db.topology.hosts.get(this.hostId(node))
    if (state === undefined) throw new Error(`${node.name} is not in the topology`)
    return state
  }

  /** The master, the replica that will follow it, and the other one. */
  async cast(): Promise<[master: PgNode, heir: PgNode, other: PgNode]> {
    const master = await this.cluster.master()
    const [heir, other] = await this.cluster.replicas()
    if (heir === undefined || other === undefined) throw new Error('The cluster needs two replicas')
    return [master, heir, other]
  }

  /**
   * Notes what a replaced master holds, before it is made a replica and its data overwritten. A server that is down is
   * started for it, and believes to be master meanwhile.
   */
  async retire(node: PgNode): Promise<void> {
    if (node.pid === undefined) await node.start()
    this.#leftBehind.push(await holdingOf(node))
  }

  /**
   * Ends the work, judges the history, closes all; what must hold in every run comes as violations. `beforeClose` sees
   * the manager at rest, with the history judged and forgotten.
   */
  async finish(beforeClose?: () => Promise<void>): Promise<Finish> {
    await this.workload.stop()
    const final = await holdingOf(await this.cluster.master())
    const { writes } = this.workload
    const verdict = checkHistory({ writes, final, leftBehind: this.#leftBehind, fences: this.watch.fences() })
    if (beforeClose !== undefined) {
      writes.length = 0
      this.workload.reads.length = 0
      this.watch.forget()
      await beforeClose()
    }
    await this.#close()
    const left = await this.#leftovers.find(
      this.#folders,
      this.cluster.nodes.map(({ port }) => port),
    )
    const violations = [
      ...verdict.violations.map(({ text }) => text),
      ...this.watch.wrongLeases,
      ...this.#escaped.caught,
      ...left,
      ...(verdict.acknowledged === 0 ? ['not one write was acknowledged: nothing was tested'] : []),
    ]
    return { verdict, violations }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  #close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    // A scenario that failed half-way may have left servers frozen, and the application waiting for them.
    for (const node of this.cluster.nodes) node.thaw()
    const stopped = this.workload.stop()
    await this.db.close({ timeoutMs: 1_000 })
    await stopped
    await this.#takeDown?.()
    await this.cluster.close()
    this.#escaped[Symbol.dispose]()
  }
}

/** What every run is judged by. */
export interface Finish {
  readonly verdict: Verdict
  readonly violations: readonly string[]
}

async function holdingOf(node: PgNode): Promise<Holding> {
  const rows = await node.query<{ id: string; server: number; timeline: number }>('select * from writes')
  return {
    server: node.port,
    rows: rows.map(({ id, server, timeline }): WrittenRow => ({ id: Number(id), server, timeline })),
  }
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
