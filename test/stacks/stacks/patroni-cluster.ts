import { join } from 'node:path'
import { ask, createDatabase, TIMELINE_SQL } from '../frame/database.ts'
import type { Ground } from '../frame/ground.ts'
import { postmasterFamily, signal } from '../frame/processes.ts'
import type { Service } from '../frame/service.ts'
import { APP_PASSWORD, APP_USER, DATABASE, SUPERUSER, SUPERUSER_PASSWORD } from '../frame/stack.ts'
import type { Need, Stack, StackNode } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { CertificateFiles } from './certificate-files.ts'

/** PostgreSQL's programs, where Debian puts them. */
export const POSTGRES_BIN = '/usr/lib/postgresql/15/bin'

export const PATRONI_NEEDS: readonly Need[] = [
  { program: 'patroni', debianPackage: 'patroni' },
  { program: 'etcd', debianPackage: 'etcd-server' },
  { program: 'pg_ctl', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15' },
  { program: 'openssl', debianPackage: 'openssl' },
]

/** The smallest times that Patroni accepts together. */
const TTL_S = 20
const SETTLE_LIMIT_MS = 180_000
/** A replica that does not stream by then is made anew. */
const STREAM_LIMIT_MS = 20_000

/** A member as Patroni's `GET /cluster` tells of it. */
interface Member {
  readonly name: string
  readonly role: string
  readonly state: string
}

/** A server that Patroni runs. */
export interface PatroniNode extends StackNode {
  /** Patroni's REST interface. */
  readonly restPort: number
}

export type PatroniWords = Pick<
  Required<Stack>,
  | 'nodes'
  | 'leader'
  | 'switchover'
  | 'restart'
  | 'reinit'
  | 'failover'
  | 'promote'
  | 'startServer'
  | 'stopServer'
  | 'startAgent'
  | 'pause'
  | 'resume'
  | 'reload'
  | 'freezeStore'
  | 'thawStore'
  | 'settle'
>

/** Three servers under Patroni, and an etcd of one member, with TLS on: what the stacks with Patroni stand on. */
export class PatroniCluster {
  static readonly #clusters = new WeakMap<Ground, Promise<PatroniCluster>>()

  readonly nodes: readonly PatroniNode[]
  readonly certificates: CertificateFiles
  readonly #ground: Ground
  readonly #etcdPort: number
  readonly #etcdPeerPort: number
  readonly #agents = new Map<string, Service>()
  #etcd: Service | undefined

  private constructor(ground: Ground, nodes: readonly PatroniNode[], ports: readonly [number, number]) {
    this.#ground = ground
    this.certificates = new CertificateFiles(ground)
    this.nodes = nodes.map((node) => ({
      ...node,
      serverPids: async () => postmasterFamily(node.dataFolder),
      agentPids: async () => this.#agentPids(node),
    }))
    ;[this.#etcdPort, this.#etcdPeerPort] = ports
  }

  /** The cluster of a ground: started by the first who asks, stopped with the ground. */
  static of(ground: Ground): Promise<PatroniCluster> {
    const cluster = PatroniCluster.#clusters.get(ground) ?? PatroniCluster.#start(ground)
    PatroniCluster.#clusters.set(ground, cluster)
    return cluster
  }

  static async #start(ground: Ground): Promise<PatroniCluster> {
    const none = async (): Promise<readonly number[]> => []
    const nodes: PatroniNode[] = []
    for (const name of ['n1', 'n2', 'n3']) {
      const [port, restPort] = [await ground.port(), await ground.port()]
      const dataFolder = join(ground.makeFolder(`patroni-${name}`), 'data')
      nodes.push({ name, port, restPort, dataFolder, serverPids: none, agentPids: none })
    }
    const cluster = new PatroniCluster(ground, nodes, [await ground.port(), await ground.port()])
    ground.onClose(() => cluster.#stop())
    await cluster.certificates.makeAll(['client', ...cluster.nodes.map(({ name }) => name)])
    await cluster.#startEtcd()
    for (const node of cluster.nodes) cluster.startAgent(node)
    const leader = await until('Patroni has a leader', 90_000, async () => cluster.leader().catch(() => undefined))
    await until('the leader takes writes', 30_000, async () =>
      createDatabase(leader).then(
        () => true,
        () => undefined,
      ),
    )
    await cluster.settle()
    return cluster
  }

  /** Starts the Patroni of a node, which starts its PostgreSQL; one that runs is left alone. */
  startAgent(node: StackNode): void {
    if (this.#agents.get(node.name)?.isAlive === true) return
    const file = join(node.dataFolder, '..', 'patroni.yml')
    this.#ground.write(file, this.#settings(node))
    this.#agents.set(node.name, this.#ground.service(`patroni-${node.name}`, 'patroni', [file]))
  }

  /** What the stacks that stand on it have in common. */
  words(): PatroniWords {
    return {
      nodes: this.nodes,
      leader: () => this.leader(),
      switchover: (to) => this.switchover(to),
      restart: (node) => this.restart(node),
      reinit: (node) => this.reinit(node),
      failover: (to) => this.failover(to),
      promote: (node) => this.#pgCtl(node, 'promote', '-W'),
      startServer: (node) => this.#startServer(node),
      stopServer: (node) => this.#pgCtl(node, 'stop', '-m', 'fast'),
      startAgent: async (node) => this.startAgent(node),
      pause: () => this.pause(),
      resume: () => this.resume(),
      reload: () => this.reload(),
      freezeStore: () => this.freezeStore(),
      thawStore: () => this.thawStore(),
      settle: () => this.settle(),
    }
  }

  async leader(): Promise<PatroniNode> {
    const members = await this.#members()
    const leaders = members.filter(({ role, state }) => role === 'leader' && state === 'running')
    const leader = this.nodes.find(({ name }) => name === leaders[0]?.name)
    if (leader === undefined) throw new Error(`Patroni has no leader: ${JSON.stringify(members)}`)
    return leader
  }

  async switchover(to?: StackNode): Promise<void> {
    const leader = await this.leader()
    const candidate = to?.name ?? this.nodes.find(({ name }) => name !== leader.name)?.name
    await this.#post(leader, '/switchover', { leader: leader.name, candidate })
  }

  /** A failover by hand: what `patronictl failover` does, also while Patroni is paused. */
  async failover(to: StackNode): Promise<void> {
    const leader = await this.leader()
    await this.#post(leader, '/failover', { candidate: to.name })
  }

  async restart(node: StackNode): Promise<void> {
    await this.#post(node, '/restart', {})
  }

  async reinit(node: StackNode): Promise<void> {
    // Not forced: that would break off one that is under way.
    await this.#post(node, '/reinitialize', {})
  }

  async pause(): Promise<void> {
    await this.#patch({ pause: true })
  }

  async resume(): Promise<void> {
    await this.#patch({ pause: null })
  }

  /** A setting that a reload takes in, changed for every server. */
  async reload(): Promise<void> {
    const before = await ask<{ value: string }>(
      await this.leader(),
      "select current_setting('log_min_duration_statement') as value",
    )
    const value = before[0]?.value === '1min' ? '2min' : '1min'
    await this.#patch({ postgresql: { parameters: { log_min_duration_statement: value } } })
    await until(`every server has the setting`, 20_000, async () => {
      const rows = await Promise.all(
        this.nodes.map((node) =>
          ask<{ value: string }>(node, "select current_setting('log_min_duration_statement') as value"),
        ),
      )
      return rows.every(([row]) => row?.value === value) ? true : undefined
    })
  }

  async freezeStore(): Promise<void> {
    this.#etcd?.signal('SIGSTOP')
  }

  async thawStore(): Promise<void> {
    this.#etcd?.signal('SIGCONT')
  }

  /** Has every server read its certificates again. */
  async readCertificates(): Promise<void> {
    for (const node of this.nodes) await this.#pgCtl(node, 'reload')
  }

  /** What it prints would keep `pg_ctl` waiting for as long as it runs. */
  #startServer(node: StackNode): Promise<void> {
    return this.#pgCtl(node, 'start', '-w', '-l', join(node.dataFolder, '..', 'postgresql.log'))
  }

  /** `pg_ctl` on a node, behind Patroni's back. */
  async #pgCtl(node: StackNode, ...args: readonly string[]): Promise<void> {
    await this.#ground.must(join(POSTGRES_BIN, 'pg_ctl'), ['-D', node.dataFolder, ...args])
  }

  async settle(): Promise<void> {
    const notStreamingSinceMs = new Map<string, number>()
    let told = ''
    const repair = async (): Promise<true | undefined> => {
      await this.#wake()
      const leader = await this.leader().catch((error: unknown) => {
        told = String(error)
      })
      if (leader === undefined) return undefined
      const [well] = await ask<{ timeline: number }>(leader, TIMELINE_SQL).catch(() => [])
      const replicas = this.nodes.filter(({ name }) => name !== leader.name)
      const streaming = await Promise.all(replicas.map((node) => isStreaming(node, well?.timeline)))
      const left = replicas.filter((_, index) => streaming[index] !== true)
      told = `${leader.name} leads, not streaming: ${left.map(({ name }) => name).join(', ')}`
      for (const node of replicas) {
        if (!left.includes(node)) notStreamingSinceMs.delete(node.name)
        const sinceMs = notStreamingSinceMs.get(node.name) ?? performance.now()
        if (left.includes(node)) notStreamingSinceMs.set(node.name, sinceMs)
        if (performance.now() - sinceMs < STREAM_LIMIT_MS) continue
        notStreamingSinceMs.set(node.name, performance.now() + STREAM_LIMIT_MS)
        await this.reinit(node).catch(() => undefined)
      }
      return left.length === 0 ? true : undefined
    }
    await until('Patroni has one leader and two replicas that stream', SETTLE_LIMIT_MS, repair, 250).catch(
      (error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : String(error)} (${told})\n${this.logs()}`)
      },
    )
  }

  /** The ends of the logs of etcd and every Patroni. */
  logs(): string {
    return [...this.#agents.values()].map((agent) => `--- ${agent.name}\n${agent.tail()}`).join('\n')
  }

  async #stop(): Promise<void> {
    for (const node of this.nodes) signal([...(await node.serverPids())].reverse(), 'SIGCONT')
    // An agent that ends stops its server.
    await Promise.all([...this.#agents.values()].map((agent) => agent.end(20_000)))
    for (const node of this.nodes) signal(await node.serverPids(), 'SIGKILL')
    await this.#etcd?.end()
  }

  /** Lets go on what is frozen, and starts what is down. */
  async #wake(): Promise<void> {
    this.#etcd?.signal('SIGCONT')
    for (const node of this.nodes) {
      signal([...(await node.serverPids())].reverse(), 'SIGCONT')
      signal([...(await node.agentPids())].reverse(), 'SIGCONT')
      this.startAgent(node)
    }
    const { pause } = await this.#get<{ readonly pause?: boolean }>('/config').catch(() => ({ pause: false }))
    if (pause === true) await this.resume().catch(() => undefined)
  }

  #own(name: string): PatroniNode {
    const node = this.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`Patroni has no member ${name}`)
    return node
  }

  #agentPids({ name, dataFolder }: PatroniNode): readonly number[] {
    const servers = new Set(postmasterFamily(dataFolder))
    return (this.#agents.get(name)?.pids() ?? []).filter((pid) => !servers.has(pid))
  }

  async #startEtcd(): Promise<void> {
    const client = `http://127.0.0.1:${this.#etcdPort}`
    const peer = `http://127.0.0.1:${this.#etcdPeerPort}`
    const args = [
      ...['--name', 'e1', '--data-dir', this.#ground.makeFolder('etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `e1=${peer}`],
    ]
    this.#etcd = this.#ground.service('etcd', 'etcd', args)
    await until('etcd answers', 20_000, async () =>
      fetch(`${client}/health`).then(
        ({ ok }) => (ok ? true : undefined),
        () => undefined,
      ),
    )
  }

  /** The members by the word of the first Patroni that answers. */
  async #members(): Promise<readonly Member[]> {
    return (await this.#get<{ readonly members: readonly Member[] }>('/cluster')).members
  }

  async #get<T>(path: string): Promise<T> {
    const answers = this.nodes.map(async ({ restPort }): Promise<T> => {
      const response = await fetch(`http://127.0.0.1:${restPort}${path}`, { signal: AbortSignal.timeout(2_000) })
      if (!response.ok) throw new Error(`${path} of ${restPort}: ${response.status}`)
      return (await response.json()) as T
    })
    return Promise.any(answers)
  }

  async #post(node: StackNode, path: string, body: object): Promise<void> {
    const { restPort } = this.#own(node.name)
    const response = await fetch(`http://127.0.0.1:${restPort}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`POST ${path} to ${node.name}: ${response.status} ${text}`)
  }

  /** The settings lie in the store: any agent takes them, also while it knows of no leader. */
  async #patch(config: object): Promise<void> {
    const refusals: string[] = []
    for (const { name, restPort } of this.nodes) {
      const refusal = await fetch(`http://127.0.0.1:${restPort}/config`, {
        method: 'PATCH',
        body: JSON.stringify(config),
        signal: AbortSignal.timeout(10_000),
      }).then(
        async (response) => (response.ok ? undefined : `${response.status} ${await response.text()}`),
        (error: unknown) => String(error),
      )
      if (refusal === undefined) return
      refusals.push(`${name}: ${refusal}`)
    }
    throw new Error(`PATCH /config: ${refusals.join('; ')}`)
  }

  /** Patroni's settings; YAML is a superset of JSON. */
  #settings({ name }: StackNode): string {
    const node = this.#own(name)
    const folder = join(node.dataFolder, '..')
    const address = (port: number): object => ({
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
    })
    const superuser = { username: SUPERUSER, password: SUPERUSER_PASSWORD }
    return JSON.stringify({
      scope: 'stacks',
      name: node.name,
      restapi: address(node.restPort),
      etcd3: { host: `127.0.0.1:${this.#etcdPort}` },
      bootstrap: {
        dcs: {
          ttl: TTL_S,
          loop_wait: 2,
          retry_timeout: 3,
          primary_start_timeout: 5,
          maximum_lag_on_failover: 1_048_576,
          postgresql: {
            use_pg_rewind: true,
            use_slots: true,
            // Nothing here survives the machine anyway.
            parameters: { fsync: 'off', wal_log_hints: 'on', max_connections: 100, shared_buffers: '32MB' },
          },
        },
        initdb: [{ encoding: 'UTF8' }, 'data-checksums', 'no-sync'],
      },
      postgresql: {
        ...address(node.port),
        data_dir: node.dataFolder,
        bin_dir: POSTGRES_BIN,
        pgpass: join(folder, 'pgpass'),
        basebackup: [{ checkpoint: 'fast' }],
        authentication: { superuser, replication: superuser, rewind: superuser },
        parameters: {
          unix_socket_directories: folder,
          ssl: 'on',
          ssl_cert_file: this.certificates.certificate(node.name),
          ssl_key_file: this.certificates.key(node.name),
          ssl_ca_file: this.certificates.authorityFile('server'),
        },
        pg_hba: [
          'host all all 127.0.0.1/32 scram-sha-256',
          'host replication all 127.0.0.1/32 scram-sha-256',
          'local all all scram-sha-256',
        ],
      },
    })
  }
}

/** Whether a server is a replica that receives WAL on that timeline now. */
async function isStreaming(node: StackNode, timeline: number | undefined): Promise<boolean> {
  const rows = await ask<{ ok: boolean }>(
    node,
    "select pg_is_in_recovery() and exists (select from pg_stat_wal_receiver where status = 'streaming' and received_tli = $1) as ok",
    { values: [timeline ?? 0] },
  ).catch(() => [])
  return rows[0]?.ok === true
}

/** The application's DSN to these hosts, in libpq's order. */
export function applicationDsn(ports: readonly number[], more: Readonly<Record<string, string>> = {}): string {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
  const query = new URLSearchParams(more).toString()
  return `postgresql://${APP_USER}:${APP_PASSWORD}@${hosts}/${DATABASE}${query === '' ? '' : `?${query}`}`
}
