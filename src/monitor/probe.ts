import { codeOf } from '../driver/classify-error.ts'
import type { ProbeConnection, ProbeOptions } from '../driver/driver.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import { toError } from '../to-error.ts'
import type { RoleAnswer } from '../topology/observation.ts'
import type { Identity } from './role-query.ts'
import { MISSING_RIGHTS, NO_IDENTITY, readIdentity, readRole } from './role-query.ts'
import { IDENTITY_QUERY, LESSER_IDENTITY_QUERY, POSITION_QUERY, ROLE_ONLY_QUERY, ROLE_QUERY } from './role-query.ts'

/** What is asked after what has been forbidden. */
const LESSER_QUESTIONS: ReadonlyMap<string, string> = new Map([
  [ROLE_QUERY, POSITION_QUERY],
  [POSITION_QUERY, ROLE_ONLY_QUERY],
])

/** What a host said, and how long its one round trip took; connecting is not part of it. */
export interface ProbeReply {
  readonly answer: RoleAnswer
  readonly roundTripMs: Milliseconds
  /** Whether this is the first answer of its connection. */
  readonly isFirst: boolean
}

/** Asks one host for its role over one connection, and remembers what need not be asked twice. */
export class Probe {
  readonly #connection: ProbeConnection
  readonly #clock: Clock
  #identity: Identity | undefined
  #question: string = ROLE_QUERY
  #established = false
  #checks = 0
  #hasAnswered = false

  constructor(
    clock: Clock,
    open: (options: Pick<ProbeOptions, 'onLost'>) => ProbeConnection,
    onLost: (probe: Probe, error: Error) => void,
  ) {
    this.#clock = clock
    this.#connection = opened(() => open({ onLost: (error) => onLost(this, error) }))
  }

  /** Whether the connection has answered at least once. */
  get established(): boolean {
    return this.#established
  }

  /** Whether the connection was made in the check that was begun last, to the end of its login: something took it just now. */
  get hasJustLoggedIn(): boolean {
    return this.#checks === 1 && (this.#established || this.#connection.isLoggedIn)
  }

  /** One round trip; more for the first one of a connection. `onAsk` is called just before each question for the role is sent. */
  async ask(onAsk?: () => void): Promise<ProbeReply> {
    this.#checks += 1
    this.#identity ??= await this.#askIdentity()
    for (;;) {
      onAsk?.()
      try {
        return await this.#askRole(this.#question, this.#identity)
      } catch (error) {
        const lesser = LESSER_QUESTIONS.get(this.#question)
        if (lesser === undefined || !lacksRights(error)) throw error
        this.#question = lesser
      }
    }
  }

  destroy(): void {
    this.#connection.destroy()
  }

  async #askRole(sql: string, identity: Identity): Promise<ProbeReply> {
    const startedAtMs = this.#clock.nowMs()
    const row = await this.#connection.query(sql)
    // Not before: who may not even connect is refused with the same code as who lacks the rights for a question.
    this.#established = true
    const isFirst = !this.#hasAnswered
    this.#hasAnswered = true
    return { answer: readRole(row, identity), roundTripMs: ms(this.#clock.nowMs() - startedAtMs), isFirst }
  }

  async #askIdentity(): Promise<Identity> {
    for (const question of [IDENTITY_QUERY, LESSER_IDENTITY_QUERY]) {
      try {
        const row = await this.#connection.query(question)
        this.#established = true
        return readIdentity(row, this.#clock.nowMs())
      } catch (error) {
        if (!lacksRights(error)) throw error
      }
    }
    return NO_IDENTITY
  }
}

/** The connection, or one that fails at its first question with what kept the driver from beginning: a file that is not there, say. */
function opened(open: () => ProbeConnection): ProbeConnection {
  try {
    return open()
  } catch (error) {
    return { isLoggedIn: false, query: () => Promise.reject(toError(error)), destroy: () => undefined }
  }
}

function lacksRights(error: unknown): boolean {
  return MISSING_RIGHTS.has(codeOf(error) ?? '')
}
