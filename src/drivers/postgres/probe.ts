import type { ProbeConnection, ProbeOptions } from '../../driver/driver.ts'
import { untimed } from '../../driver/untimed.ts'
import type { LoginTimeout } from '../../driver/untimed.ts'
import { HasqlError } from '../../errors.ts'
import type { NativeSql } from './native.ts'
import { Session } from './session.ts'
import type { SessionEvents, SessionPlan } from './session.ts'
import { firstRow } from './first-row.ts'

/** hasql's reserved connection to one host. */
export class PostgresProbe implements ProbeConnection, SessionEvents {
  readonly #template: NativeSql
  readonly #planFor: () => SessionPlan
  readonly #fallsBack: (error: unknown, plan: SessionPlan) => boolean
  readonly #options: ProbeOptions
  #session: Session | undefined
  #ready: Promise<Session> | undefined
  #isBusy = false
  #isLoggedIn = false
  #isDestroyed = false

  constructor(
    template: NativeSql,
    planFor: () => SessionPlan,
    fallsBack: (error: unknown, plan: SessionPlan) => boolean,
    options: ProbeOptions,
  ) {
    this.#template = template
    this.#planFor = planFor
    this.#fallsBack = fallsBack
    this.#options = options
  }

  get isLoggedIn(): boolean {
    return this.#isLoggedIn
  }

  async query(sql: string): Promise<readonly (string | null)[]> {
    this.#isBusy = true
    try {
      const { talk, plan } = await (this.#ready ??= this.#connect())
      return await firstRow(this.#template, untimed(sql, loginTimeout(plan)), (query) => {
        if (this.#isDestroyed) query.reject(destroyed())
        else talk.execute(query)
      })
    } finally {
      this.#isBusy = false
    }
  }

  destroy(): void {
    this.#isDestroyed = true
    this.#session?.interrupt(destroyed)
  }

  drained(): void {
    // The next question is asked when it is due.
  }

  refused(): void {
    // Whoever asked is told.
  }

  lost(cause: Error): void {
    const isExpected = this.#isBusy || this.#isDestroyed
    this.#session?.interrupt(() => cause)
    if (!isExpected) this.#options.onLost(cause)
  }

  hinted(): void {
    this.#options.onHint()
  }

  gone(): void {
    // Nobody counts probes.
  }

  async #connect(): Promise<Session> {
    const plan = this.#planFor()
    const session = new Session(plan, this)
    this.#session = session
    try {
      await session.connect()
      this.#isLoggedIn = true
      return session
    } catch (error) {
      if (!this.#isDestroyed && this.#fallsBack(error, plan)) return this.#connect()
      throw error
    }
  }
}

/** What postgres.js sends when it logs in. */
function loginTimeout({ options }: SessionPlan): LoginTimeout {
  const { connection } = options
  const sent: object = typeof connection === 'object' && connection !== null ? connection : {}
  return { timeout: Reflect.get(sent, 'statement_timeout'), options: Reflect.get(sent, 'options') }
}

function destroyed(): HasqlError {
  return new HasqlError('ERR_HASQL_PROBE_DESTROYED', 'The probe connection was destroyed')
}
