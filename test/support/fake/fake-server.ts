import type { Random } from '../../../src/random/random.ts'
import { between, shuffled } from './dice.ts'
import type { FakeEventLoop } from './event-loop.ts'
import { FakeError } from './fake-error.ts'
import type { FakeErrorCode } from './fake-error.ts'
import type { Direction, FakeLink, Request } from './fake-link.ts'
import { execute } from './execute.ts'

/** A write that a server has taken. */
export interface JournalEntry {
  readonly writeId: number
  readonly timeline: number
  readonly systemId: string
}

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
}

/** One PostgreSQL as its clients see it, with everything that can go wrong on it and on the way to it. */
export class FakeServer {
  readonly hostId: string
  readonly loop: FakeEventLoop
  readonly random: Random
  readonly facts: ServerFacts
  readonly journal: JournalEntry[] = []
  /** `starting` answers every newcomer with 57P03. */
  state: 'running' | 'starting' | 'stopped' = 'running'
  frozen = false
  /** Why newcomers are turned away, if they are. */
  turnsAway: FakeErrorCode | undefined
  upstream: FakeServer | undefined
  replayPaused = false
  /** Executes the next statement and dies on it: the answer never comes. */
  dropsNextAnswer = false
  latencyMs: number
  /** The longest time that is added to a connect. */
  authMs = 0
  /** Multiplies the time of each statement. */
  slowness = 1
  /** Client sockets of ours that lead here, open or connecting. */
  openSockets = 0
  readonly #sessions = new Set<FakeLink>()
  readonly #backlog: (readonly [FakeLink, Request])[] = []
  readonly #cut = { toServer: false, toClient: false }
  readonly #holding = new Set<FakeLink>()

  constructor(hostId: string, loop: FakeEventLoop, random: Random, facts: ServerFacts) {
    this.hostId = hostId
    this.loop = loop
    this.random = random
    this.facts = facts
    this.latencyMs = between(random, 0.25, 4)
  }

  /** How many sessions are open. */
  get sessionCount(): number {
    return this.#sessions.size
  }

  /** Whether a client that connects now gets an answer. */
  get isReachable(): boolean {
    const { state, frozen, turnsAway } = this
    return (
      state === 'running' && !frozen && turnsAway === undefined && !this.isCut('toServer') && !this.isCut('toClient')
    )
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

  hold(link: FakeLink): void {
    this.#holding.add(link)
  }

  freeze(): void {
    this.frozen = true
  }

  /** What was sent meanwhile is worked off in its order, as a kernel's buffers are. */
  thaw(): void {
    this.frozen = false
    for (const [link, request] of this.#backlog.splice(0)) this.receive(link, request)
  }

  /** The process ends: all sessions within `spreadMs`, in an order that the dice choose. */
  stop(code: FakeErrorCode, spreadMs: number): void {
    this.state = 'stopped'
    this.frozen = false
    this.#backlog.length = 0
    this.endSessions(this.#sessions.size, code, spreadMs)
  }

  /** The process is started again; until `readyInMs` it only says that it is starting. */
  start(readyInMs: number): void {
    this.state = 'starting'
    this.facts.incarnation += 1
    this.loop.afterIo(readyInMs, () => {
      if (this.state === 'starting') this.state = 'running'
    })
  }

  /** The role changed under the open sessions: each is told with its next statement. */
  pushHints(): void {
    for (const link of this.#sessions) link.hintDue = true
  }

  endSessions(count: number, code: FakeErrorCode, spreadMs: number): void {
    for (const link of shuffled(this.random, this.#sessions).slice(0, count)) {
      this.#sessions.delete(link)
      link.reply({ kind: 'end', error: new FakeError(code) }, this.#quantized(between(this.random, 0, spreadMs)))
    }
  }

  receive(link: FakeLink, request: Request): void {
    if (this.state === 'stopped') return this.#reset(link, request)
    if (this.frozen) this.#backlog.push([link, request])
    else if (request.kind === 'startup') this.#admit(link)
    else if (!this.#sessions.has(link)) this.#reset(link, request)
    else if (request.kind === 'query') this.#answer(link, request.statement)
    else this.#farewell(link, request)
  }

  #admit(link: FakeLink): void {
    const code = this.turnsAway ?? (this.state === 'starting' ? '57P03' : undefined)
    const authMs = this.#quantized(this.authMs * between(this.random, 0.2, 1))
    if (code !== undefined) return link.reply({ kind: 'end', error: new FakeError(code) }, authMs)
    this.#sessions.add(link)
    link.reply({ kind: 'ready' }, authMs)
  }

  #answer(link: FakeLink, statement: string): void {
    const reply = execute(this, statement)
    if (this.dropsNextAnswer && statement.startsWith('write')) {
      this.dropsNextAnswer = false
      this.#sessions.delete(link)
      return link.reply({ kind: 'end', error: new FakeError('ECONNRESET') })
    }
    if (link.hintDue) link.reply({ kind: 'hint' })
    link.hintDue = false
    link.reply(reply)
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
