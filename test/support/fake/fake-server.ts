import type { Random } from '../../../src/random/random.ts'
import { between, shuffled } from './dice.ts'
import type { FakeEventLoop } from './event-loop.ts'
import { FakeError } from './fake-error.ts'
import type { FakeErrorCode } from './fake-error.ts'
import type { Direction, FakeLink, Reply, Request } from './fake-link.ts'
import { Conditions } from './conditions.ts'
import { execute } from './execute.ts'
import { firstBranch } from './history.ts'
import type { Branch, JournalEntry } from './history.ts'

/** What a server is: the answers of a probe come from here. */
export interface ServerFacts {
  role: 'master' | 'replica'
  timeline: number
  systemId: string
  incarnation: number
  /** A byte of WAL for each write. */
  lsn: number
  readOnlyDefault: boolean
  /** Whether our user may read the WAL position and the control file. */
  hasRights: boolean
  /** Whether our user may read the statistics, and so which timeline a standby receives. */
  showsTimelines: boolean
}

const DAY_MS = 86_400_000
const READ_ONLY: Reply = { kind: 'error', error: new FakeError('25006') }

/** One PostgreSQL as its clients see it, with everything that can go wrong on it and on the way to it. */
export class FakeServer extends Conditions {
  readonly hostId: string
  readonly loop: FakeEventLoop
  readonly random: Random
  readonly facts: ServerFacts
  /** The writes it has executed itself, whatever became of them. */
  readonly journal: JournalEntry[] = []
  /** The history it writes, or follows. */
  branch: Branch
  /** A timeline that it has reached, as its control file says after the last restart point. */
  timelineInControlFile = 1
  /** It was promoted by mistake, written to and demoted: a replica on a timeline of its own, which no master has. */
  isStranded = false
  /** `starting` answers every newcomer with 57P03. */
  state: 'running' | 'starting' | 'stopped' = 'running'
  upstream: FakeServer | undefined
  /** It is on a timeline that its cluster has given up, or will. */
  isMistaken = false
  /** The process id of its WAL receiver, the last one if none runs. */
  receiver = 4711
  /** Whether its WAL receiver ran when that was last asked. */
  wasReceiving = true
  latencyMs: number
  /** When its life began. */
  bornAtMs: number
  /** Client sockets of ours that lead here, open or connecting. */
  openSockets = 0
  readonly #sessions = new Set<FakeLink>()
  readonly #backlog: (readonly [FakeLink, Request])[] = []
  readonly #cut = { toServer: false, toClient: false }
  readonly #holding = new Set<FakeLink>()
  #unanswered: (readonly [FakeLink, Reply])[] = []
  /** Statements that a pooler keeps back. */
  readonly #queued = new Set<() => void>()
  #lookUps: (() => void)[] = []
  #actsAtMs: number | undefined

  constructor(hostId: string, loop: FakeEventLoop, random: Random, facts: ServerFacts) {
    super()
    this.branch = firstBranch(facts.systemId, facts.timeline)
    this.hostId = hostId
    this.loop = loop
    this.random = random
    this.facts = facts
    this.latencyMs = between(random, 0.25, 4)
    this.bornAtMs = loop.nowMs() - DAY_MS
  }

  /** How many sessions are open. */
  get sessionCount(): number {
    return this.#sessions.size
  }

  /** Whether its standbys receive what it writes. */
  get feedsStandbys(): boolean {
    return this.state === 'running' && !this.frozen && !this.peersCut
  }

  /** Whether a client that asks waits in vain. */
  get isSilent(): boolean {
    return this.frozen || this.isCut('toServer') || this.isCut('toClient')
  }

  requestDelayMs(): number {
    return this.#quantized(this.latencyMs * between(this.random, 0.5, 1) * this.slowness)
  }

  replyDelayMs(): number {
    return this.#quantized(this.latencyMs * between(this.random, 0.5, 1))
  }

  isCut(direction: Direction): boolean {
    return this.#cut[direction]
  }

  /** Nothing that is sent in these directions arrives any more. */
  cut(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#cut[direction] = true
  }

  /** What was sent meanwhile is sent again, soon or after a back-off. */
  mend(): void {
    this.#cut.toServer = false
    this.#cut.toClient = false
    for (const link of this.#holding) {
      const delayMs = this.random() < 0.5 ? between(this.random, 1, 200) : between(this.random, 200, 3_000)
      link.mend('toServer', delayMs)
      link.mend('toClient', delayMs)
    }
    this.#holding.clear()
  }

  /** Lets a connect to this server begin, once its name is found. */
  lookUp(found: () => void): void {
    if (this.lookUpsHang) this.#lookUps.push(found)
    else found()
  }

  findAgain(): void {
    this.lookUpsHang = false
    for (const found of this.#lookUps.splice(0)) found()
  }

  /** Answers the writes that were held back, of those who still wait. */
  answerWrites(): void {
    this.holdsWrites = false
    for (const [link, reply] of this.#unanswered.splice(0)) {
      if (this.#sessions.has(link)) link.reply(reply)
    }
  }

  /** The pooler in front has a server for everybody who waits. */
  serveQueue(): void {
    this.queueMs = 0
    this.poolerPaused = false
    for (const serve of [...this.#queued]) serve()
  }

  /** Nothing is wrong any more; what is stopped stays so. */
  override calm(): void {
    super.calm()
    this.serveQueue()
    if (this.frozen) this.thaw()
    this.answerWrites()
    this.findAgain()
    this.mend()
  }

  /**
   * The time by the server's own clock: it works off a request when that arrives, also while our event loop stands still
   * and has not come to it yet.
   */
  get nowMs(): number {
    return this.#actsAtMs ?? this.loop.nowMs()
  }

  hold(link: FakeLink): void {
    this.#holding.add(link)
  }

  freeze(): void {
    this.frozen = true
  }

  /** What was sent meanwhile is worked off in its order, as a kernel's buffers are. */
  thaw(): void {
    this.frozen = false
    for (const [link, request] of this.#backlog.splice(0)) this.#handle(link, request)
  }

  /** The process ends: all sessions within `spreadMs`, in an order that the dice choose. */
  stop(code: FakeErrorCode, spreadMs: number): void {
    this.state = 'stopped'
    this.frozen = false
    this.#backlog.length = 0
    this.#unanswered = []
    this.#queued.clear()
    this.endSessions(this.#sessions.size, code, spreadMs)
  }

  /** The process is started again; until `readyInMs` it only says that it is starting. */
  start(readyInMs: number): void {
    this.state = 'starting'
    this.facts.incarnation += 1
    this.bornAtMs = this.loop.nowMs()
    this.wasReceiving = false
    this.loop.afterIo(readyInMs, () => {
      if (this.state === 'starting') this.state = 'running'
    })
  }

  /** The role changed under the open sessions: each is told with its next statement. */
  pushHints(): void {
    for (const link of this.#sessions) link.hintDue = true
  }

  /** Those who are connected now cannot write any more, whatever becomes of the server. */
  tieSessions(): void {
    for (const link of this.#sessions) link.readOnly = true
  }

  endSessions(count: number, code: FakeErrorCode, spreadMs: number): void {
    for (const link of shuffled(this.random, this.#sessions).slice(0, count)) {
      this.#sessions.delete(link)
      link.reply({ kind: 'end', error: new FakeError(code) }, this.#quantized(between(this.random, 0, spreadMs)))
    }
  }

  /** A request that arrived at `atMs`. */
  receive(link: FakeLink, request: Request, atMs: number): void {
    this.#actsAtMs = atMs
    this.#handle(link, request)
    this.#actsAtMs = undefined
  }

  #handle(link: FakeLink, request: Request): void {
    if (this.state === 'stopped') return this.#reset(link, request)
    if (this.frozen) this.#backlog.push([link, request])
    else if (request.kind === 'startup') this.#admit(link)
    else if (!this.#sessions.has(link)) this.#reset(link, request)
    else if (request.kind === 'query') this.#queue(link, request.statement)
    else this.#farewell(link, request)
  }

  #admit(link: FakeLink): void {
    const pooler = this.random() < this.poolerErrors ? '08P01' : undefined
    const code = this.turnsAway ?? (this.state === 'starting' ? '57P03' : pooler)
    const authMs = this.#quantized(this.authMs * between(this.random, 0.2, 1))
    if (code !== undefined) return link.reply({ kind: 'end', error: new FakeError(code) }, authMs)
    this.#sessions.add(link)
    link.reply({ kind: 'ready' }, authMs)
  }

  #queue(link: FakeLink, statement: string): void {
    if (!this.poolerPaused && this.queueMs === 0) return this.#answer(link, statement)
    const serve = (): void => {
      if (!this.#queued.delete(serve)) return
      if (this.frozen) this.#backlog.push([link, { kind: 'query', statement }])
      else if (this.#sessions.has(link)) this.#answer(link, statement)
    }
    this.#queued.add(serve)
    if (!this.poolerPaused) this.loop.afterIo(between(this.random, 0, this.queueMs), serve)
  }

  #answer(link: FakeLink, statement: string): void {
    if (this.poolerErrors > 0 && this.random() < this.poolerErrors) return this.#endSession(link, '08P01')
    const refuses = link.readOnly && statement.startsWith('write')
    const reply = refuses ? READ_ONLY : execute(this, statement)
    const isWrite = reply.kind === 'row' && statement.startsWith('write')
    if (this.dropsNextAnswer && isWrite) {
      this.dropsNextAnswer = false
      return this.#endSession(link, 'ECONNRESET')
    }
    if (this.holdsWrites && isWrite) return void this.#unanswered.push([link, reply])
    const isNoise = this.hintNoise > 0 && this.random() < this.hintNoise
    if (isNoise || (link.hintDue && !this.hintsMuted)) link.reply({ kind: 'hint' })
    link.hintDue = false
    link.reply(reply)
  }

  #endSession(link: FakeLink, code: FakeErrorCode): void {
    this.#sessions.delete(link)
    link.reply({ kind: 'end', error: new FakeError(code) })
  }

  #farewell(link: FakeLink, request: Request): void {
    this.#sessions.delete(link)
    if (request.kind === 'terminate') link.reply({ kind: 'end', error: undefined })
  }

  /** Nobody is there: the kernel says so. */
  #reset(link: FakeLink, request: Request): void {
    const code = request.kind === 'startup' ? 'ECONNREFUSED' : 'ECONNRESET'
    if (request.kind !== 'fin') link.reply({ kind: 'end', error: new FakeError(code) })
  }

  /** Many packets at the same moment, so that their order matters. */
  #quantized(delayMs: number): number {
    return Math.max(0.25, Math.round(delayMs * 4) / 4)
  }
}
