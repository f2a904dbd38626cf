import type { Random } from '../../../src/random/random.ts'
import { between, chance, whole } from './dice.ts'
import type { FakeEventLoop } from './event-loop.ts'
import { catchUp } from './execute.ts'
import { FakeServer } from './fake-server.ts'
import { firstBranch, sharedUpTo } from './history.ts'

const SYSTEM_ID = '7000000000000000001'

export interface ClusterPlan {
  readonly hosts: number
  readonly hasRights: boolean
  readonly showsTimelines: boolean
}

/** Model servers that replicate: the first is the master, the others follow it. */
export class FakeCluster {
  readonly servers: readonly FakeServer[]
  readonly loop: FakeEventLoop
  readonly random: Random
  /** Healed for good: what a fault has still in store is called off. */
  isQuiet = false
  /** Two histories have one timeline, for example because two standbys were promoted to it: nobody can tell them apart. */
  hasTwins = false
  readonly #timelines = new Set<number>()
  #highestTimeline = 1

  constructor(loop: FakeEventLoop, random: Random, plan: ClusterPlan) {
    this.loop = loop
    this.random = random
    const { showsTimelines } = plan
    this.servers = Array.from({ length: plan.hosts }, (_, index) => {
      const facts = { timeline: 1, systemId: SYSTEM_ID, incarnation: 1, lsn: 16, readOnlyDefault: false }
      const role = index === 0 ? 'master' : 'replica'
      return new FakeServer(`db${index + 1}:5432`, loop, random, {
        role,
        hasRights: plan.hasRights,
        ...facts,
        showsTimelines,
      })
    })
    for (const server of this.servers.slice(1)) server.upstream = this.servers[0]
  }

  /** The writable server on the highest timeline, whether it can be reached or not. */
  get master(): FakeServer | undefined {
    const masters = this.servers.filter(
      ({ facts, isMistaken }) => facts.role === 'master' && facts.systemId === SYSTEM_ID && !isMistaken,
    )
    return masters.sort((one, other) => other.facts.timeline - one.facts.timeline)[0]
  }

  /** Replicas that an operator could promote. */
  get standbys(): readonly FakeServer[] {
    return this.servers.filter(
      ({ facts, state, frozen, isStranded, isMistaken, lies }) =>
        facts.role === 'replica' && state === 'running' && !frozen && !isStranded && !isMistaken && lies === undefined,
    )
  }

  /** Does it in a while, unless the cluster has been healed by then. */
  later(delayMs: number, act: () => void): void {
    this.loop.afterIo(delayMs, () => {
      if (!this.isQuiet) act()
    })
  }

  /** A new timeline begins; the other standbys follow it in a while. */
  promote(server: FakeServer, followInMs: number): void {
    const { facts } = server
    // What has not arrived by now is lost, if the old master is.
    if (chance(this.random, 0.7)) catchUp(server)
    server.isMistaken = false
    this.#beginTimeline(server)
    this.#highestTimeline = Math.max(this.#highestTimeline, facts.timeline)
    this.later(followInMs, () => {
      for (const other of this.standbys) {
        const isBehind = other.facts.timeline < facts.timeline && !other.peersCut
        // It may be another cluster's by now.
        const isOurs = facts.role === 'master' && facts.systemId === SYSTEM_ID
        if (isOurs && isBehind) this.#redirect(other, server)
      }
    })
  }

  /** A new timeline begins that the cluster will give up: its master goes on. */
  promoteByMistake(server: FakeServer): void {
    catchUp(server)
    server.isMistaken = true
    this.#beginTimeline(server)
  }

  /** Restarts a server as a standby on the timeline that it has made itself: it can follow nobody. */
  restartAsOrphan(server: FakeServer, readyInMs: number): void {
    server.stop('57P01', 2)
    server.facts.role = 'replica'
    server.start(readyInMs)
  }

  #beginTimeline(server: FakeServer): void {
    const { facts, branch } = server
    facts.role = 'master'
    facts.timeline += 1
    const { timeline, systemId } = facts
    server.branch = { timeline, systemId, parent: branch, forkLsn: facts.lsn, writes: new Map() }
    this.hasTwins ||= this.#timelines.has(timeline)
    this.#timelines.add(timeline)
    server.upstream = undefined
    // The record that ends recovery moves the control file on, before the first write.
    server.timelineInControlFile = timeline
    server.pushHints()
  }

  /** Stops a server if it runs, and starts it as a standby of the master. */
  restartAsReplica(server: FakeServer, master: FakeServer | undefined, readyInMs: number): void {
    if (server.state !== 'stopped') server.stop('57P01', 2)
    server.facts.role = 'replica'
    // Who comes back from another cluster brings nothing of its history along.
    if (server.facts.systemId !== SYSTEM_ID) {
      server.facts.timeline = 1
      server.branch = firstBranch(SYSTEM_ID, 1)
      this.hasTwins = true
    }
    server.facts.systemId = SYSTEM_ID
    server.facts.readOnlyDefault = false
    server.isMistaken = false
    if (master !== undefined && master !== server) this.#follow(server, master)
    server.start(readyInMs)
  }

  /**
   * A replica that was promoted by mistake and written to while nobody looked is restarted as a replica, and not rewound: it
   * has what nobody else has, and cannot follow. Its control file tells the timeline now or later.
   */
  strand(server: FakeServer, readyInMs: number): void {
    const { facts, branch } = server
    server.stop('57P01', 2)
    facts.timeline += 1
    const { timeline, systemId } = facts
    // Whoever is promoted to that timeline later is its twin.
    this.hasTwins ||= this.#timelines.has(timeline)
    this.#timelines.add(timeline)
    server.branch = { timeline, systemId, parent: branch, forkLsn: facts.lsn, writes: new Map() }
    facts.lsn += whole(this.random, 1, chance(this.random, 0.5) ? 4 : 40)
    server.isStranded = true
    if (chance(this.random, 0.5)) server.timelineInControlFile = timeline
    server.start(readyInMs)
  }

  /** Restarts a server as the only one of another cluster. */
  restartAsForeigner(server: FakeServer, readyInMs: number): void {
    server.stop('57P01', 2)
    Object.assign(server.facts, { role: 'master', systemId: '7999999999999999999', timeline: 5 })
    this.hasTwins ||= server.branch.systemId === server.facts.systemId
    server.branch = firstBranch(server.facts.systemId, 5)
    server.isStranded = false
    server.start(readyInMs)
  }

  /** Everything works from now on: one master on the newest timeline, the others follow it. */
  heal(): void {
    this.isQuiet = true
    for (const server of this.servers) {
      const lied = server.lies !== undefined
      server.calm()
      if (lied) this.#restart(server)
      server.facts.readOnlyDefault = false
      if (server.facts.systemId !== SYSTEM_ID) this.#bringHome(server)
    }
    const master = this.#chooseMaster()
    for (const server of this.servers) {
      const { facts, state } = server
      const isRight = facts.role === 'replica' && state !== 'stopped' && !server.isMistaken
      if (server !== master && !isRight) this.restartAsReplica(server, master, this.#startMs())
      if (server === master && state === 'stopped') server.start(this.#startMs())
      if (server !== master) this.#redirect(server, master)
    }
  }

  #restart(server: FakeServer): void {
    server.lies = undefined
    if (server.state !== 'stopped') server.stop('ECONNRESET', 2)
    server.start(this.#startMs())
  }

  #bringHome(server: FakeServer): void {
    this.restartAsReplica(server, undefined, this.#startMs())
  }

  #chooseMaster(): FakeServer {
    const newest = this.servers.filter(
      ({ facts, isStranded, isMistaken }) => facts.timeline === this.#highestTimeline && !isStranded && !isMistaken,
    )
    const master = newest.find(({ facts }) => facts.role === 'master') ?? newest[0] ?? this.servers[0]
    if (master === undefined) throw new RangeError('a cluster has at least one server')
    if (master.facts.role !== 'master' || master.facts.timeline < this.#highestTimeline) {
      master.facts.timeline = this.#highestTimeline
      this.promote(master, 0)
    }
    return master
  }

  /** Who has replayed what is not in the new master's history begins anew from a copy of that. */
  #redirect(server: FakeServer, master: FakeServer): void {
    const isAhead = server.branch !== master.branch && server.facts.lsn > sharedUpTo(master.branch, server.branch)
    if (server.state === 'running' && isAhead) this.restartAsReplica(server, master, this.#startMs())
    else this.#follow(server, master)
  }

  #follow(server: FakeServer, master: FakeServer): void {
    if (server.upstream !== master) server.wasReceiving = false
    server.upstream = master
    server.facts.timeline = master.facts.timeline
    // As a server that was rewound, or copied anew, has it.
    server.timelineInControlFile = Math.min(server.timelineInControlFile, master.facts.timeline)
    server.branch = master.branch
    if (server.isStranded) server.timelineInControlFile = master.facts.timeline
    server.isStranded = false
    // As `pg_rewind` leaves it: what it had beyond its master is gone.
    server.facts.lsn = Math.min(server.facts.lsn, master.facts.lsn)
  }

  #startMs(): number {
    return chance(this.random, 0.5) ? 1 : between(this.random, 1, 400)
  }
}
