import type { ProbeConnection, ProbeOptions } from '../../../src/driver/driver.ts'
import type { Clock } from '../../../src/time/clock.ts'
import { coded } from './coded.ts'
import type { ScriptedHost } from './host.ts'

interface Question {
  readonly sql: string
  readonly resolve: (row: readonly (string | null)[]) => void
  readonly reject: (error: Error) => void
}

/** A probe connection to a scripted host. Fails the test when two questions are asked at a time. */
export class ScriptedProbe implements ProbeConnection {
  readonly options: ProbeOptions
  readonly #host: ScriptedHost
  readonly #clock: Clock
  #connected = false
  #pending: Question | undefined
  #destroyed = false

  constructor(host: ScriptedHost, options: ProbeOptions, clock: Clock) {
    this.#host = host
    this.options = options
    this.#clock = clock
    host.probesOpened += 1
    host.probes.add(this)
  }

  get isLoggedIn(): boolean {
    return this.#connected
  }

  query(sql: string): Promise<readonly (string | null)[]> {
    if (this.#pending !== undefined) throw new Error('two questions at a time on one probe connection')
    if (this.#destroyed) return Promise.reject(new Error('asked on a destroyed connection'))
    this.#host.questions += 1
    this.#host.askedAtMs.push(this.#clock.nowMs())
    return new Promise((resolve, reject) => {
      this.#pending = { sql, resolve, reject }
      this.thaw()
    })
  }

  /** Answers what was asked, unless the host is silent. */
  thaw(): void {
    const question = this.#pending
    if (question === undefined || this.#host.trouble === 'silent') return
    const error = this.#connected ? undefined : this.#host.connectError()
    if (error === 'hang') return
    this.#pending = undefined
    if (error instanceof Error) return question.reject(error)
    this.#connected = true
    try {
      question.resolve(this.#host.answer(question.sql))
    } catch (refused) {
      question.reject(refused instanceof Error ? refused : new Error(String(refused)))
    }
  }

  /** The connection ends; the host is not necessarily to blame. */
  die(error: Error): void {
    if (!this.#host.probes.delete(this)) return
    const question = this.#pending
    this.#pending = undefined
    if (question !== undefined) question.reject(this.#connected ? error : coded('ECONNRESET'))
    else if (this.#connected) this.options.onLost(error)
  }

  destroy(): void {
    this.#destroyed = true
    this.#host.probes.delete(this)
    this.#pending?.reject(new Error('The probe connection was destroyed'))
    this.#pending = undefined
  }
}
