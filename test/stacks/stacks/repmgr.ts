import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ask, createDatabase, TIMELINE_SQL } from '../frame/database.ts'
import type { Ground } from '../frame/ground.ts'
import { ended, postmasterFamily, signal } from '../frame/processes.ts'
import type { Service } from '../frame/service.ts'
import { SUPERUSER } from '../frame/stack.ts'
import type { Stack, StackKind, StackNode } from '../frame/stack.ts'
import { until } from '../frame/waiting.ts'
import { REPMGR_SCENARIOS } from '../scenarios/repmgr.ts'
import { applicationDsn, POSTGRES_BIN } from './patroni-cluster.ts'
import { nodeConninfo, rejoinLogs, repmgrConf, SSH_STAND_IN, startArguments } from './repmgr-files.ts'
import type { RepmgrPlace } from './repmgr-files.ts'

const SERVER_SETTINGS = `
listen_addresses = '127.0.0.1'
fsync = off
shared_buffers = '16MB'
wal_log_hints = on
max_wal_senders = 10
wal_keep_size = '512MB'
wal_retrieve_retry_interval = '100ms'
dynamic_shared_memory_type = mmap
shared_preload_libraries = 'repmgr'
`

const SETTLE_MS = 90_000
/** A replica that does not stream by then is rejoined, and cloned if that fails. */
const STREAM_MS = 8_000

/** repmgr: two nodes, a repmgrd beside each that promotes by itself. Nothing fences an old primary that comes back. */
export const repmgr: StackKind = {
  name: 'repmgr',
  title: 'repmgr: two nodes, a repmgrd for each',
  needs: [
    { program: 'repmgr', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15-repmgr' },
    { program: 'repmgrd', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15-repmgr' },
    { program: 'postgres', paths: [POSTGRES_BIN], debianPackage: 'postgresql-15' },
  ],
  scenarios: REPMGR_SCENARIOS,
  async start(ground) {
    const stack = await RepmgrStack.make(ground)
    try {
      await stack.start()
      return stack
    } catch (error) {
      await stack.stop()
      throw error
    }
  },
}

/** A server with its repmgrd. */
class RepmgrNode implements StackNode, RepmgrPlace {
  readonly id: number
  readonly name: string
  readonly port: number
  readonly folder: string
  readonly dataFolder: string
  readonly binaries = POSTGRES_BIN
  readonly #ground: Ground
  #agent: Service | undefined

  constructor(ground: Ground, folder: string, id: number, port: number) {
    this.id = id
    this.name = `n${id}`
    this.port = port
    this.folder = folder
    this.dataFolder = join(folder, this.name)
    this.#ground = ground
  }

  async serverPids(): Promise<readonly number[]> {
    return postmasterFamily(this.dataFolder)
  }

  async agentPids(): Promise<readonly number[]> {
    return this.#agent?.pids() ?? []
  }

  writeConfiguration(): void {
    this.#ground.write(join(this.folder, `${this.name}.conf`), repmgrConf(this))
  }

  /** Makes an empty cluster that is to be the first primary, and starts it. */
  async initialize(): Promise<void> {
    const options = ['-A', 'trust', '-U', SUPERUSER, '-E', 'UTF8', '--locale=C', '--no-sync', '--data-checksums']
    await this.#run('initdb', ['-D', this.dataFolder, ...options])
    const file = join(this.dataFolder, 'postgresql.conf')
    this.#ground.write(file, `${SERVER_SETTINGS}unix_socket_directories = '${this.folder}'\n`)
    await this.startServer()
    await ask(this, 'create role repmgr superuser login', { database: 'postgres' })
    await ask(this, 'create database repmgr owner repmgr', { database: 'postgres' })
    await createDatabase(this)
  }

  /** Runs one of repmgr's commands on this node, to its end; resolves to its output. */
  command(...args: readonly string[]): Promise<string> {
    return this.#run('repmgr', ['-f', join(this.folder, `${this.name}.conf`), ...args])
  }

  /** Fills the data folder with a copy of the source's. */
  async cloneFrom(source: RepmgrNode): Promise<void> {
    const from = ['-h', '127.0.0.1', '-p', String(source.port), '-U', 'repmgr', '-d', 'repmgr']
    await this.command(...from, 'standby', 'clone', '--fast-checkpoint', '--force')
  }

  async startServer(): Promise<void> {
    await this.#run('pg_ctl', startArguments(this))
  }

  async stopServer(mode: 'fast' | 'immediate'): Promise<void> {
    const pids = postmasterFamily(this.dataFolder)
    signal([...pids].reverse(), 'SIGCONT')
    signal(pids.slice(0, 1), mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended(pids, 10_000).catch(() => {
      signal(pids, 'SIGKILL')
    })
  }

  async restartServer(): Promise<void> {
    // Without a log of its own it would keep our end of its output open.
    const log = join(this.folder, `${this.name}.log`)
    await this.#run('pg_ctl', ['-D', this.dataFolder, '-l', log, '-w', '-m', 'fast', 'restart'])
  }

  /** Starts repmgrd unless it runs. */
  startAgent(): void {
    if (this.#agent?.isAlive === true) return
    const args = ['-f', join(this.folder, `${this.name}.conf`), '--daemonize=false', '--no-pid-file']
    this.#agent = this.#ground.service(`repmgr-${this.name}`, join(POSTGRES_BIN, 'repmgrd'), args, this.#environment())
  }

  async endAgent(): Promise<void> {
    await this.#agent?.end()
  }

  thaw(): void {
    signal([...postmasterFamily(this.dataFolder), ...(this.#agent?.pids() ?? [])].reverse(), 'SIGCONT')
  }

  tail(): string {
    return `--- ${this.name}\n${this.#agent?.tail() ?? 'repmgrd was not started'}`
  }

  #run(program: string, args: readonly string[]): Promise<string> {
    return this.#ground.must(join(POSTGRES_BIN, program), args, this.#environment())
  }

  #environment(): Readonly<Record<string, string>> {
    // The stand-in for ssh is found first.
    return { PATH: `${join(this.folder, 'bin')}:${POSTGRES_BIN}:/usr/bin:/bin` }
  }
}

class RepmgrStack implements Stack {
  readonly name = 'repmgr'
  readonly nodes: readonly RepmgrNode[]
  readonly dsn: string

  private constructor(nodes: readonly RepmgrNode[]) {
    this.nodes = nodes
    this.dsn = applicationDsn(nodes.map(({ port }) => port))
  }

  static async make(ground: Ground): Promise<RepmgrStack> {
    const folder = ground.makeFolder('repmgr')
    ground.makeFolder('repmgr', 'bin')
    ground.write(join(folder, 'bin', 'ssh'), SSH_STAND_IN, 0o700)
    const node = async (id: number): Promise<RepmgrNode> => new RepmgrNode(ground, folder, id, await ground.port())
    return new RepmgrStack([await node(1), await node(2)])
  }

  async start(): Promise<void> {
    const [primary, ...standbys] = this.nodes
    if (primary === undefined) return
    for (const node of this.nodes) node.writeConfiguration()
    await primary.initialize()
    await primary.command('primary', 'register')
    for (const standby of standbys) {
      await standby.cloneFrom(primary)
      await standby.startServer()
      await standby.command('standby', 'register')
    }
    await this.settle()
  }

  /** The primary by repmgr's own tables, which each server has: of two that name themselves, the one of the higher timeline. */
  async leader(): Promise<RepmgrNode> {
    const seen = await this.#look()
    const leaders = seen.filter(({ node, word }) => word?.isPrimary === true && word.named === node.id)
    const [leader] = leaders.sort((one, other) => (other.word?.timeline ?? 0) - (one.word?.timeline ?? 0))
    if (leader === undefined) throw new Error(`No primary: ${JSON.stringify(seen.map(({ word }) => word))}`)
    return leader.node
  }

  async switchover(to?: StackNode): Promise<void> {
    const leader = await this.leader()
    const heir = this.nodes.find((node) => node !== leader && (to === undefined || node.name === to.name))
    const fromS = Math.floor(Date.now() / 1_000)
    try {
      await heir?.command('standby', 'switchover')
    } finally {
      for (const name of rejoinLogs(readdirSync('/tmp'), fromS, Date.now() / 1_000)) rmSync(join('/tmp', name))
    }
  }

  async restart(node: StackNode): Promise<void> {
    await this.#own(node).restartServer()
  }

  async reinit(node: StackNode): Promise<void> {
    const own = this.#own(node)
    const leader = await this.leader()
    await own.endAgent()
    await own.stopServer('fast')
    await own.cloneFrom(leader)
    await own.startServer()
    await own.command('standby', 'register', '--force')
    own.startAgent()
  }

  /** By hand, and while repmgrd is paused: the planned change. */
  async failover(to: StackNode): Promise<void> {
    await this.switchover(to)
  }

  /** By hand, whatever repmgrd thinks; repmgr refuses while it can reach a primary. */
  async promote(node: StackNode): Promise<void> {
    await this.#own(node).command('standby', 'promote')
  }

  async startServer(node: StackNode): Promise<void> {
    await this.#own(node).startServer()
  }

  async stopServer(node: StackNode): Promise<void> {
    await this.#own(node).stopServer('fast')
  }

  async pause(): Promise<void> {
    await (await this.leader()).command('service', 'pause')
  }

  async resume(): Promise<void> {
    await (await this.leader()).command('service', 'unpause')
  }

  /** Brings a node back as a standby of the leader, by pg_rewind if it has to be: what an administrator does by hand. */
  async rejoin(node: StackNode): Promise<void> {
    const own = this.#own(node)
    const leader = await this.leader()
    if (own === leader) throw new Error(`${node.name} leads, and cannot rejoin`)
    // A repmgrd that knew the node as the primary can go on taking it for that, and not promote it the next time.
    await own.endAgent()
    await own.stopServer('fast')
    const archive = ['--config-archive-dir', own.folder]
    await own.command('node', 'rejoin', '-d', nodeConninfo(leader), '--force-rewind', ...archive)
    own.startAgent()
  }

  async settle(): Promise<void> {
    const startMs = performance.now()
    let repairedMs = startMs
    let told = ''
    const look = async (): Promise<true | undefined> => {
      for (const node of this.nodes) {
        node.thaw()
        node.startAgent()
      }
      const leader = await this.leader().catch((error: unknown) => {
        told = String(error)
      })
      // repmgrd gets its chance before what is down is started as what it was.
      if (leader === undefined) return performance.now() - startMs > 15_000 ? this.#startAll() : undefined
      const left = (await this.#look()).filter(({ node, word }) => node !== leader && word?.isStreaming !== true)
      told = `${leader.name} leads, not streaming: ${left.map(({ node }) => node.name).join(', ')}`
      if (left.length === 0) return this.resume().then(() => true)
      for (const { node, word } of left) {
        if (word !== undefined && !word.isPrimary && performance.now() - repairedMs < STREAM_MS) continue
        await this.rejoin(node)
          .catch(() => this.reinit(node))
          .catch((error: unknown) => (told += `, ${String(error)}`))
        repairedMs = performance.now()
      }
      return undefined
    }
    await until('one primary, one standby that streams', SETTLE_MS, look, 250).catch((cause: unknown) => {
      const logs = this.nodes.map((node) => node.tail()).join('\n')
      throw new Error(`${String(cause)} (${told})\n${logs}`, { cause })
    })
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node.thaw()
    await Promise.all(this.nodes.map((node) => node.endAgent()))
    // An immediate stop gives the shared memory back.
    await Promise.all(this.nodes.map((node) => node.stopServer('immediate')))
  }

  async #startAll(): Promise<undefined> {
    await Promise.all(this.nodes.map((node) => node.startServer().catch(() => undefined)))
  }

  /** What every server says of itself; undefined for one that says nothing. */
  async #look(): Promise<readonly { readonly node: RepmgrNode; readonly word: Word | undefined }[]> {
    return Promise.all(
      this.nodes.map(async (node) => {
        const [word] = await ask<Word>(node, WORD_SQL, { database: 'repmgr' }).catch(() => [])
        return { node, word }
      }),
    )
  }

  #own(node: StackNode): RepmgrNode {
    const own = this.nodes.find(({ name }) => name === node.name)
    if (own === undefined) throw new Error(`${node.name} is not of this stack`)
    return own
  }
}

/** A server's word on itself. */
interface Word {
  readonly isPrimary: boolean
  readonly timeline: number
  /** The number of the node that its copy of repmgr's tables names as the active primary. */
  readonly named: number | null
  readonly isStreaming: boolean
}

const WORD_SQL = `select not pg_is_in_recovery() as "isPrimary", (${TIMELINE_SQL}) as timeline,
  (select node_id from repmgr.nodes where type = 'primary' and active) as named,
  exists (select from pg_stat_wal_receiver where status = 'streaming') as "isStreaming"`
