import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ask, createDatabase } from '../frame/database.ts'
import type { Ground } from '../frame/ground.ts'
import { ended, freeze, postmasterFamily, signal } from '../frame/processes.ts'
import type { Service } from '../frame/service.ts'
import { APP_USER, DATABASE, SUPERUSER } from '../frame/stack.ts'
import type { Stack, StackKind, StackNode } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { AUTO_FAILOVER_SCENARIOS } from '../scenarios/auto-failover.ts'
import { isSettled, leaderIn, MONITOR_SQL } from './monitor-state.ts'
import type { MonitoredNode } from './monitor-state.ts'
import { applicationDsn, POSTGRES_BIN } from './patroni-cluster.ts'

/**
 * What throw-away servers need beside pg_auto_failover's own settings, which give a quarter of the machine's memory to each
 * server's buffers and keep 8 GB of WAL. Nodes are copied from one another with these in it.
 */
const SERVER_SETTINGS = `
fsync = off
shared_buffers = '16MB'
wal_keep_size = '512MB'
wal_retrieve_retry_interval = '100ms'
logging_collector = off
dynamic_shared_memory_type = mmap
`

/** A promoted node can take this long until its monitor lets it accept writes, and another one to rejoin. */
const SETTLE_MS = 90_000

/** pg_auto_failover: one monitor and two nodes, as its tutorial sets them up, with its own timeouts. */
export const autoFailover: StackKind = {
  name: 'auto-failover',
  title: 'pg_auto_failover: a monitor, two nodes',
  needs: [
    // The monitor's extension is no program that could be looked for.
    { program: 'pg_autoctl', debianPackage: 'pg-auto-failover-cli postgresql-15-auto-failover' },
    { program: 'postgres', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15' },
  ],
  scenarios: AUTO_FAILOVER_SCENARIOS,
  async start(ground) {
    const stack = await AutoFailoverStack.make(ground)
    try {
      await stack.start()
      return stack
    } catch (error) {
      await stack.stop()
      throw error
    }
  },
}

/** A server with its `pg_autoctl run`: a node with its keeper, or the monitor. */
class Keeper implements StackNode {
  readonly name: string
  readonly port: number
  readonly dataFolder: string
  readonly #ground: Ground
  readonly socketFolder: string
  #agent: Service | undefined

  constructor(ground: Ground, folder: string, name: string, port: number) {
    this.name = name
    this.port = port
    this.dataFolder = `${folder}/${name}`
    this.#ground = ground
    this.socketFolder = folder
  }

  async serverPids(): Promise<readonly number[]> {
    return postmasterFamily(this.dataFolder)
  }

  async agentPids(): Promise<readonly number[]> {
    const servers = new Set(postmasterFamily(this.dataFolder))
    return (this.#agent?.pids() ?? []).filter((pid) => !servers.has(pid))
  }

  /** Runs one of pg_autoctl's commands for this node, to its end. */
  command(...args: readonly string[]): Promise<string> {
    return this.#ground.must('pg_autoctl', [...args, '--pgdata', this.dataFolder], this.#environment())
  }

  /** Makes the data folder, and registers it; the server that it starts meanwhile is stopped at its end. */
  async create(kind: 'monitor' | 'postgres', ...args: readonly string[]): Promise<void> {
    const place = ['--pgport', String(this.port), '--hostname', '127.0.0.1', '--listen', '127.0.0.1']
    await this.command('create', kind, ...place, '--auth', 'trust', '--ssl-self-signed', ...args)
    appendFileSync(join(this.dataFolder, 'postgresql.conf'), SERVER_SETTINGS)
  }

  /** Makes the superuser that tests connect with, where `initdb` has named its own after the system's user. */
  async createSuperuser(): Promise<void> {
    const connect = ['-X', '-h', this.socketFolder, '-p', String(this.port), '-d', 'postgres']
    const sql = `do $$ begin if to_regrole('${SUPERUSER}') is null then create role ${SUPERUSER} superuser login; end if; end $$`
    const create = (): Promise<true | undefined> =>
      this.#ground.must('psql', [...connect, '-c', sql], this.#environment()).then(
        () => true,
        () => undefined,
      )
    await until(`${this.name} accepts writes`, 30_000, create, 200)
  }

  /** Starts `pg_autoctl run` unless it runs. */
  run(): void {
    if (this.#agent?.isAlive === true) return
    const args = ['run', '--pgdata', this.dataFolder]
    this.#agent = this.#ground.service(`auto-failover-${this.name}`, 'pg_autoctl', args, this.#environment())
  }

  async freeze(): Promise<void> {
    await freeze(() => Promise.resolve(this.#pids()))
  }

  thaw(): void {
    signal([...this.#pids()].reverse(), 'SIGCONT')
  }

  /** Stops PostgreSQL alone, as an administrator would; its keeper starts it again. */
  async restartServer(): Promise<void> {
    const before = postmasterFamily(this.dataFolder)
    await this.#ground.must(join(POSTGRES_BIN, 'pg_ctl'), ['stop', '-D', this.dataFolder, '-m', 'fast'])
    await ended(before, 10_000)
    await until(`${this.name} has a server again`, 30_000, () => ask(this, 'select 1').catch(() => undefined))
  }

  removeData(): void {
    rmSync(this.dataFolder, { recursive: true, force: true })
    for (const kind of ['share', 'config'])
      rmSync(join(this.socketFolder, kind, 'pg_autoctl', this.dataFolder), { recursive: true, force: true })
  }

  /** Ends the keeper, which takes its server along, and then the server of a keeper that was killed. */
  async end(): Promise<void> {
    this.thaw()
    await this.#agent?.end()
    const left = postmasterFamily(this.dataFolder)
    // An immediate stop gives the shared memory back.
    signal(left.slice(0, 1), 'SIGQUIT')
    await ended(left, 5_000).catch(() => {
      signal(left, 'SIGKILL')
    })
  }

  #pids(): readonly number[] {
    return [...new Set([...(this.#agent?.pids() ?? []), ...postmasterFamily(this.dataFolder)])]
  }

  tail(): string {
    return `${this.name}: ${this.#agent?.tail() ?? 'not started'}`
  }

  #environment(): Readonly<Record<string, string>> {
    return {
      PATH: `${POSTGRES_BIN}:/usr/bin:/bin`,
      HOME: this.socketFolder,
      XDG_DATA_HOME: `${this.socketFolder}/share`,
      XDG_CONFIG_HOME: `${this.socketFolder}/config`,
      XDG_RUNTIME_DIR: `${this.socketFolder}/run`,
      // Where its servers' sockets go; /var/run/postgresql is somebody else's.
      PG_REGRESS_SOCK_DIR: this.socketFolder,
    }
  }
}

class AutoFailoverStack implements Stack {
  readonly name = 'auto-failover'
  readonly nodes: readonly Keeper[]
  readonly dsn: string
  readonly #monitor: Keeper

  private constructor(monitor: Keeper, nodes: readonly Keeper[]) {
    this.#monitor = monitor
    this.nodes = nodes
    this.dsn = applicationDsn(nodes.map(({ port }) => port))
  }

  static async make(ground: Ground): Promise<AutoFailoverStack> {
    const folder = ground.makeFolder('auto-failover')
    for (const name of ['share', 'config', 'run']) ground.makeFolder('auto-failover', name)
    const keeper = async (name: string): Promise<Keeper> => new Keeper(ground, folder, name, await ground.port())
    return new AutoFailoverStack(await keeper('monitor'), [await keeper('n1'), await keeper('n2')])
  }

  async start(): Promise<void> {
    await this.#monitor.create('monitor')
    this.#monitor.run()
    await this.#monitor.createSuperuser()
    for (const node of this.nodes) {
      await this.#register(node)
      node.run()
      if (node !== this.nodes[0]) continue
      await node.createSuperuser()
      await createDatabase(node)
    }
    await this.settle()
  }

  async leader(): Promise<Keeper> {
    const name = leaderIn(await this.#monitored())
    const node = this.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error('The monitor names no primary')
    return node
  }

  /** With two nodes, `to` can only be the other one. */
  async switchover(): Promise<void> {
    await this.#monitor.command('perform', 'switchover')
  }

  async restart(node: StackNode): Promise<void> {
    await this.#keeper(node).restartServer()
  }

  /** Drops a node, which joins as a new one with a copy of the data. */
  async reinit(node: StackNode): Promise<void> {
    const keeper = this.#keeper(node)
    await this.#monitor.command('drop', 'node', '--name', node.name, '--force').catch(() => undefined)
    await keeper.end()
    keeper.removeData()
    await this.#register(keeper)
    keeper.run()
  }

  async maintenance(node: StackNode, isOn: boolean): Promise<void> {
    const words = isOn ? ['enable', 'maintenance', '--allow-failover'] : ['disable', 'maintenance']
    await this.#keeper(node).command(...words)
  }

  async freezeStore(): Promise<void> {
    await this.#monitor.freeze()
  }

  async thawStore(): Promise<void> {
    this.#monitor.thaw()
  }

  async settle(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await until('one primary, one secondary that streams', SETTLE_MS, () => this.#wakeAndLook(), 250)
        return
      } catch (error) {
        if (attempt === 2) throw new Error(`${String(error)}\n${await this.#told()}`, { cause: error })
        await this.#reinitOthers()
      }
    }
  }

  async stop(): Promise<void> {
    // The monitor goes last: a keeper asks it until its own end.
    await Promise.all(this.nodes.map((node) => node.end()))
    await this.#monitor.end()
  }

  /** Lets go on what is frozen, starts what is down; resolves to true when all is well. */
  async #wakeAndLook(): Promise<true | undefined> {
    for (const each of [this.#monitor, ...this.nodes]) {
      each.thaw()
      each.run()
    }
    const monitored = await this.#monitored().catch(() => [])
    for (const { goal, name } of monitored) {
      if (/maintenance/.test(goal))
        await this.#named(name)
          ?.command('disable', 'maintenance')
          .catch(() => undefined)
    }
    if (monitored.length !== this.nodes.length || !isSettled(monitored)) return undefined
    const sql = 'select count(*)::int as replicas from pg_stat_replication where state = $1'
    const rows = await ask<{ replicas: number }>(await this.leader(), sql, { values: ['streaming'] }).catch(() => [])
    return rows[0]?.replicas === this.nodes.length - 1 ? true : undefined
  }

  /** The last resort: what is not the primary is made anew. */
  async #reinitOthers(): Promise<void> {
    const leader = await this.leader().catch(() => undefined)
    if (leader === undefined) return
    for (const node of this.nodes) if (node !== leader) await this.reinit(node)
  }

  async #register(node: Keeper): Promise<void> {
    const monitor = `postgres://autoctl_node@127.0.0.1:${this.#monitor.port}/pg_auto_failover?sslmode=require`
    const names = ['--name', node.name, '--pghost', node.socketFolder, '--username', APP_USER, '--dbname', DATABASE]
    await node.create('postgres', ...names, '--monitor', monitor)
  }

  async #monitored(): Promise<readonly MonitoredNode[]> {
    return ask<MonitoredNode>(this.#monitor, MONITOR_SQL, { database: 'pg_auto_failover' })
  }

  #named(name: string): Keeper | undefined {
    return this.nodes.find((each) => each.name === name)
  }

  #keeper(node: StackNode): Keeper {
    const keeper = this.#named(node.name)
    if (keeper === undefined) throw new Error(`${node.name} is not of this stack`)
    return keeper
  }

  async #told(): Promise<string> {
    const monitored = await this.#monitored().catch(String)
    return [JSON.stringify(monitored), ...[this.#monitor, ...this.nodes].map((each) => each.tail())].join('\n')
  }
}
