import type { NodeServer, StopMode } from './node-server.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { isInRecovery, promote, rejoin } from './replication.ts'
import type { SqlRow } from './sql.ts'

/** What a node is: `frozen` and `down` nodes answer nothing. */
export type PgNodeRole = 'master' | 'replica' | 'frozen' | 'down'

/**
 * One server of a `PgCluster`: what can happen to a server can be made to happen to it.
 *
 * ```ts
 * const master = await cluster.master()
 * await master.freeze()                          // silent, as with a hung disk or a pulled cable
 * const tookMs = await cluster.replicas().then(([first]) => first?.promote())
 * ```
 * Stopping what is stopped, freezing what is frozen, promoting a master: nothing happens.
 */
export class PgNode {
  readonly #server: NodeServer
  /** `node1`, `node2`, …; also its `application_name` towards its master. */
  readonly name: string
  /** `127.0.0.1`. */
  readonly host: string = '127.0.0.1'
  /** Its own for as long as the cluster is open, also while it is stopped. */
  readonly port: number
  readonly dataFolder: string

  /** @internal Nodes come from a cluster. */
  constructor(server: NodeServer) {
    this.#server = server
    this.name = server.place.name
    this.port = server.port
    this.dataFolder = server.place.dataFolder
  }

  /** The postmaster's process, while there is one. */
  get pid(): number | undefined {
    return this.#server.pid
  }

  /** Asks the server itself. A node frozen by `freeze` is not asked. */
  async role(): Promise<PgNodeRole> {
    const server = this.#server
    if (server.isFrozen()) return 'frozen'
    if (!server.isRunning()) return 'down'
    try {
      return (await isInRecovery(server)) ? 'replica' : 'master'
    } catch (error) {
      if (server.isRunning()) throw error
      return 'down'
    }
  }

  /**
   * Runs one statement as superuser in the cluster's database, on a connection of its own that no fault of the network
   * can hurt. Resolves to the rows; rejects after 10 000 ms.
   */
  async query<Row extends SqlRow = SqlRow>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.#server.session((session) => session.query<Row>(sql, params))
  }

  /** Starts it again, as what it was: a node that was a master when it ended comes back as a master, unasked. */
  async start(): Promise<void> {
    await this.#server.start()
  }

  /**
   * Shuts it down. `fast` (default) ends its clients first, `smart` waits for them to leave, `immediate` is a crash of
   * the server program. A frozen node is thawed for it.
   * @throws {PgClusterError} `…_TIMEOUT` after 30 000 ms; the server goes on shutting down.
   */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    await this.#server.stop(mode)
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode)
    await this.start()
  }

  /** SIGKILL to all its processes at once: the node is gone, as when the machine loses power. */
  async kill(): Promise<void> {
    await this.#server.kill()
  }

  /** SIGKILL to one of its backends (`pg_backend_pid()`); the server then restarts all others, as after any crash. */
  async killBackend(pid: number): Promise<void> {
    await this.#server.killBackend(pid)
  }

  /** Stops all its processes in their tracks (SIGSTOP): the kernel still accepts connections, nobody answers. */
  async freeze(): Promise<void> {
    await this.#server.freeze()
  }

  /** Stops the postmaster alone: connections that exist go on working, new ones hang. */
  freezePostmasterOnly(): void {
    this.#server.freezePostmaster()
  }

  /** Lets a frozen node go on where it was. */
  thaw(): void {
    this.#server.thaw()
  }

  /**
   * Promotes a replica, and only that: the old master goes on if it runs, other replicas keep following it.
   * `cluster.failover` and `cluster.switchover` do the rest too.
   * @returns milliseconds until it accepted writes.
   */
  async promote(): Promise<number> {
    const start = performance.now()
    await promote(this.#server)
    return performance.now() - start
  }

  /**
   * Makes it a replica of `to`, whatever it is now. What it has beyond `to` is lost: the data folder is kept when it has
   * nothing of that kind (a switchover), and is a fresh copy otherwise (after a crash, or a split brain).
   * @returns which of the two it was.
   */
  async rejoin(to: PgNode): Promise<'followed' | 'cloned'> {
    if (to === this || !to.#server.isRunning()) {
      throw new PgClusterError(
        'ERR_HASQL_TESTING_STATE',
        `${this.name} cannot follow ${to.name}: it must run, and be another`,
      )
    }
    return rejoin(this.#server, to.#server)
  }

  /** Shuts a master down and brings it back as a replica of `to`. */
  async demote(to: PgNode): Promise<void> {
    await this.#server.stop('fast')
    await this.rejoin(to)
  }

  /** A replica goes on receiving and stops applying: its data, and its age, stand still. */
  async pauseReplay(): Promise<void> {
    await this.query('select pg_wal_replay_pause()')
  }

  async resumeReplay(): Promise<void> {
    await this.query('select pg_wal_replay_resume()')
  }

  /** Changes a setting of `postgresql.conf`, and reloads; some need a `restart` too. */
  async setting(name: string, value: string | number | boolean): Promise<void> {
    this.#server.settings.set(name, value)
    await this.#server.reload()
  }

  /** What the server has written to its log so far. */
  log(): string {
    return this.#server.log()
  }
}
