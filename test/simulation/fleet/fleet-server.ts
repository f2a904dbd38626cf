import type { Random } from '../../../src/random/random.ts'
import { IDENTITY_QUERY } from '../../../src/monitor/role-query.ts'
import { between } from '../../support/fake/dice.ts'
import type { FakeEventLoop } from '../../support/fake/event-loop.ts'
import { FakeError } from '../../support/fake/fake-error.ts'
import type { FakeErrorCode } from '../../support/fake/fake-error.ts'
import type { Row } from '../../support/fake/fake-link.ts'
import type { FleetSession } from './fleet-session.ts'
import { RateMeter } from './rate-meter.ts'

/** What one connect costs a server: a process is forked, a password is checked. 5,000 a second, one after the other. */
export const CONNECT_COST_MS = 0.2
/** How long the news of a death is on its way, at most. */
const DEATH_SPREAD_MS = 5

/** One error for all who meet the same fate: making a million of them would be most of the work. */
const ERRORS = { ECONNREFUSED: new FakeError('ECONNREFUSED'), '57P03': new FakeError('57P03') } as const

export type ConnectionKind = 'pool' | 'probe'

/** A PostgreSQL as a whole fleet sees it: light, but one that has to work for each connect. */
export class FleetServer {
  readonly hostId: string
  readonly loop: FakeEventLoop
  role: 'master' | 'replica'
  timeline = 1
  state: 'running' | 'starting' | 'stopped' = 'running'
  readonly connects: Readonly<Record<ConnectionKind, RateMeter>> = { pool: new RateMeter(), probe: new RateMeter() }
  /** Those that met nobody, or were told to come later: cheap for the host, but packets all the same. */
  readonly refusals: RateMeter = new RateMeter()
  readonly probes: RateMeter = new RateMeter()
  readonly #connectCostMs: number
  readonly #random: Random
  readonly #sessions = new Set<FleetSession>()
  #incarnation = 1
  #busyUntilMs = 0

  /** `share`: the part of its power that is for this part of the fleet. */
  constructor(hostId: string, role: 'master' | 'replica', share: number, loop: FakeEventLoop, random: Random) {
    this.#connectCostMs = CONNECT_COST_MS / share
    this.hostId = hostId
    this.role = role
    this.loop = loop
    this.#random = random
  }

  /** A round trip within one data centre. */
  roundTripMs(): number {
    return between(this.#random, 0.3, 1.5)
  }

  /** What a statement of the application takes; a probe takes next to nothing. */
  workMs(statement: string | undefined): number {
    if (statement === 'write') return between(this.#random, 2, 20)
    return statement === 'read' ? between(this.#random, 0.5, 10) : 0
  }

  connect(session: FleetSession, kind: ConnectionKind): void {
    const { loop } = this
    const code = this.state === 'stopped' ? 'ECONNREFUSED' : this.state === 'starting' ? '57P03' : undefined
    if (code !== undefined) {
      this.refusals.count(loop.nowMs())
      return void loop.afterIo(this.roundTripMs(), () => session.end(ERRORS[code]))
    }
    this.connects[kind].count(loop.nowMs())
    this.#busyUntilMs = Math.max(this.#busyUntilMs, loop.nowMs()) + this.#connectCostMs
    const incarnation = this.#incarnation
    loop.afterIo(this.#busyUntilMs - loop.nowMs() + 2 * this.roundTripMs(), () => {
      if (session.isClosed) return
      if (this.state !== 'running' || this.#incarnation !== incarnation) return session.end(new FakeError('ECONNRESET'))
      this.#sessions.add(session)
      session.ready()
    })
  }

  leave(session: FleetSession): void {
    this.#sessions.delete(session)
  }

  answer(statement: string): Row | FakeError {
    if (statement === IDENTITY_QUERY) return ['7000000000000000001', `${this.hostId} life ${this.#incarnation}`]
    if (statement === 'write') return this.role === 'master' ? ['written'] : new FakeError('25006')
    if (statement === 'read') return ['1']
    return [String(this.role === 'replica'), 'off', '0/10', this.role === 'master' ? String(this.timeline) : null]
  }

  stop(code: FakeErrorCode): void {
    this.state = 'stopped'
    this.#busyUntilMs = 0
    for (const session of this.#sessions) {
      this.loop.afterIo(between(this.#random, 0, DEATH_SPREAD_MS), () => session.end(new FakeError(code)))
    }
    this.#sessions.clear()
  }

  /** Starts again as what it is told to be; until `readyInMs` it only says that it is starting. */
  start(role: 'master' | 'replica', readyInMs: number): void {
    this.role = role
    this.state = 'starting'
    this.#incarnation += 1
    this.loop.afterIo(readyInMs, () => {
      this.state = 'running'
    })
  }

  promote(timeline: number): void {
    this.role = 'master'
    this.timeline = timeline
  }
}
