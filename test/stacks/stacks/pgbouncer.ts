import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import { ask, createDatabase } from '../frame/database.ts'
import type { Ground } from '../frame/ground.ts'
import { postmasterFamily, signal } from '../frame/processes.ts'
import { APP_PASSWORD, APP_USER, DATABASE, SUPERUSER, SUPERUSER_PASSWORD } from '../frame/stack.ts'
import type { ApplicationSettings, Need, Poolers, Stack, StackKind, StackNode } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { PAST_SCENARIOS, SHARING_SCENARIOS, THROUGH_SCENARIOS } from '../scenarios/pgbouncer.ts'
import type { PoolMode } from './pgbouncer-files.ts'
import { applicationDsn, POSTGRES_BIN } from './patroni-cluster.ts'
import { Pooler } from './pooler.ts'
import { APPLICATION, runThrough } from './run-through.ts'

const NEEDS: readonly Need[] = [
  { program: 'pgbouncer', debianPackage: 'pgbouncer' },
  { program: 'postgres', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15' },
]

/** How the application is set up for each mode. */
const SETTINGS: Readonly<Record<PoolMode, ApplicationSettings>> = {
  // A client keeps its server until it disconnects: three of the five for the pool, two for probes.
  session: { poolOptions: { pg: { max: 3 }, postgres: { max: 3 }, 'pg-native': { max: 3 } } },
  transaction: { poolOptions: { pg: { max: 12 }, postgres: { max: 12, prepare: false }, 'pg-native': { max: 12 } } },
}

/** PgBouncer in front of each server, in one of its modes; checks go through it as well. */
function behind(poolMode: PoolMode): StackKind {
  return {
    name: `pgbouncer-${poolMode}`,
    title: `PgBouncer in front of each of 3 servers, pool_mode = ${poolMode}`,
    needs: NEEDS,
    scenarios: poolMode === 'session' ? THROUGH_SCENARIOS : [...THROUGH_SCENARIOS, ...SHARING_SCENARIOS],
    start: (ground) => PgBouncerStack.start(ground, poolMode, false),
  }
}

/** The same with the checks past PgBouncer, by the option `probe`. */
function past(poolMode: PoolMode): StackKind {
  const kind = behind(poolMode)
  return {
    ...kind,
    name: `${kind.name}-probe`,
    title: `${kind.title}, checks past it`,
    scenarios: poolMode === 'session' ? PAST_SCENARIOS : [...PAST_SCENARIOS, ...SHARING_SCENARIOS],
    start: (ground) => PgBouncerStack.start(ground, poolMode, true),
  }
}

export const pgbouncer: readonly StackKind[] = [
  behind('session'),
  past('session'),
  behind('transaction'),
  past('transaction'),
]

/** Three servers that nobody manages but the test itself, each with a PgBouncer in front. */
class PgBouncerStack implements Stack {
  readonly name: string
  readonly nodes: readonly StackNode[]
  readonly dsn: string
  readonly application: ApplicationSettings
  readonly poolers: Poolers
  readonly #cluster: PgCluster
  readonly #poolers: readonly Pooler[]
  #leader: PgNode

  private constructor(
    name: string,
    cluster: PgCluster,
    poolers: readonly Pooler[],
    given: { readonly leader: PgNode; readonly application: ApplicationSettings },
  ) {
    this.name = name
    this.#cluster = cluster
    this.#poolers = poolers
    this.#leader = given.leader
    this.application = given.application
    this.nodes = cluster.nodes.map(({ name: node, port, dataFolder }) => ({
      name: node,
      port,
      dataFolder,
      serverPids: async () => postmasterFamily(dataFolder),
      agentPids: async () => [],
    }))
    this.dsn = applicationDsn(poolers.map(({ port }) => port))
    this.poolers = { admin: (node, command) => this.#pooler(node).admin(command) }
  }

  static async start(ground: Ground, poolMode: PoolMode, isPast: boolean): Promise<PgBouncerStack> {
    const name = `pgbouncer-${poolMode}${isPast ? '-probe' : ''}`
    const account = { user: APP_USER, password: APP_PASSWORD, database: DATABASE }
    const cluster = await PgCluster.start({ replicas: 2, binaries: POSTGRES_BIN.replace(/\/bin$/, ''), ...account })
    const poolers: Pooler[] = []
    try {
      const leader = await cluster.master()
      await leader.query(`alter role ${SUPERUSER} password '${SUPERUSER_PASSWORD}'`)
      await createDatabase(leader)
      for (const node of cluster.nodes) {
        poolers.push(await Pooler.start(ground, `${name}-${node.name}`, node.port, poolMode))
      }
      const settings = SETTINGS[poolMode]
      const probe = { probe: { port: cluster.nodes.map(({ port }) => port) } }
      const application = isPast ? { ...settings, options: probe } : settings
      const stack = new PgBouncerStack(name, cluster, poolers, { leader, application })
      await stack.settle()
      return stack
    } catch (error) {
      for (const pooler of poolers) await pooler.end()
      await cluster.close()
      throw error
    }
  }

  /** The test itself is the manager. */
  async leader(): Promise<StackNode> {
    return this.#shown(this.#leader)
  }

  async switchover(to?: StackNode): Promise<void> {
    const { master } = await this.#cluster.switchover(to === undefined ? undefined : this.#own(to))
    this.#leader = master
  }

  async failover(to: StackNode): Promise<void> {
    const { master } = await this.#cluster.failover(this.#own(to))
    this.#leader = master
  }

  async restart(node: StackNode): Promise<void> {
    await this.#own(node).restart()
  }

  async settle(): Promise<void> {
    for (const { dataFolder } of this.nodes) signal([...postmasterFamily(dataFolder)].reverse(), 'SIGCONT')
    for (const pooler of this.#poolers) {
      await pooler.run()
      // RELOAD undoes every SET.
      for (const command of ['RESUME', 'RELOAD']) await pooler.admin(command).catch(() => undefined)
    }
    await this.#leader.start()
    for (const node of this.#cluster.nodes) {
      if (node !== this.#leader && !(await isStreaming(node))) await node.rejoin(this.#leader)
    }
    for (const pooler of this.#poolers) {
      const answers = (): Promise<true | undefined> =>
        runThrough(pooler.port, APPLICATION, 'select 1', 2_000).then(
          () => true,
          () => undefined,
        )
      await until('PgBouncer lets statements through', 40_000, answers, 200).catch((cause: unknown) => {
        throw new Error(`${String(cause)}\n${pooler.tail()}`, { cause })
      })
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#poolers.map((pooler) => pooler.end()))
    for (const { dataFolder } of this.nodes) signal([...postmasterFamily(dataFolder)].reverse(), 'SIGCONT')
    await this.#cluster.close()
  }

  #shown({ name }: PgNode): StackNode {
    const node = this.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`${name} is not of this stack`)
    return node
  }

  #own({ name }: StackNode): PgNode {
    const node = this.#cluster.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`${name} is not of this stack`)
    return node
  }

  #pooler(node: StackNode): Pooler {
    const pooler = this.#poolers[this.#cluster.nodes.indexOf(this.#own(node))]
    if (pooler === undefined) throw new Error(`${node.name} has no PgBouncer`)
    return pooler
  }
}

async function isStreaming(node: PgNode): Promise<boolean> {
  const sql = "select exists (select from pg_stat_wal_receiver where status = 'streaming') as ok"
  const [row] = await ask<{ ok: boolean }>(node, sql).catch(() => [])
  return row?.ok === true
}
