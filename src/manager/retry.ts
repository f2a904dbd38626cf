import type { HostId } from '../dsn/host-spec.ts'
import { AcquireAbortedError, ManagerClosedError } from '../errors.ts'
import type { Waiter } from '../selection/waiters.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { AcquirePlan } from './acquire-options.ts'
import type { Engine } from './engine.ts'
import type { RetryRules } from './retry-options.ts'
import { mayRunAgain, surfaced } from './retry-policy.ts'
import type { RunFailure } from './retry-policy.ts'
import { runOnLease } from './run-on-lease.ts'

/** Longest pause before the second run; doubled for each one after it. The dice choose between none and all of it. */
const FIRST_PAUSE_MS = 20
const LAST_PAUSE_MS = 500

/** What a retried run needs of its manager. */
export interface RetryHost<TConnection, TPool> {
  readonly engine: Engine<TConnection, TPool>
  readonly closing: () => boolean
  readonly lease: (plan: AcquirePlan, shunned: ReadonlySet<HostId> | undefined) => Promise<TConnection>
}

/** What one attempt came to. */
type Attempt<T> = { readonly value: T } | { readonly failure: RunFailure }

/**
 * Runs a function again and again, each time on a lease of its own, until it succeeds or may not be run again. All of it
 * has one deadline, made at the first call; each lease ends before the next one is asked for. Hosts that failed are asked
 * last.
 */
export class RetriedRun<TConnection, TPool> {
  readonly #host: RetryHost<TConnection, TPool>
  readonly #plan: AcquirePlan
  readonly #rules: RetryRules
  readonly #endMs: number
  readonly #failed = new Set<HostId>()
  /** A run that may have taken effect. If there is no later one, this is what its caller must hear of. */
  #inDoubt: RunFailure | undefined

  constructor(host: RetryHost<TConnection, TPool>, plan: AcquirePlan, rules: RetryRules) {
    this.#host = host
    this.#plan = plan
    this.#rules = rules
    this.#endMs = host.engine.options.clock.nowMs() + plan.timeoutMs
  }

  async run<T>(fn: (connection: TConnection) => Promise<T> | T): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      const attempt = await this.#attempt(fn)
      if ('value' in attempt) return attempt.value
      const { failure } = attempt
      const pauseMs = this.#pauseMs(attempts)
      if (attempts >= this.#rules.maxAttempts || !this.#mayRunAgain(failure, pauseMs)) throw surfaced(failure)
      if (!this.#isRead && failure.outcome === 'unknown') this.#inDoubt = failure
      await this.#unlessInDoubt(() => this.#pause(pauseMs))
      this.#host.engine.counters.retries += 1
    }
  }

  get #isRead(): boolean {
    return this.#plan.target.role === 'replica'
  }

  async #attempt<T>(fn: (connection: TConnection) => Promise<T> | T): Promise<Attempt<T>> {
    const { engine, lease } = this.#host
    const timeoutMs = ms(Math.max(1, this.#endMs - engine.options.clock.nowMs()))
    const shunned = this.#failed.size > 0 ? this.#failed : undefined
    const connection = await this.#unlessInDoubt(() => lease({ ...this.#plan, timeoutMs }, shunned))
    let failure: RunFailure | undefined
    try {
      return { value: await runOnLease(engine, connection, fn, (seen) => (failure = seen)) }
    } catch (error) {
      if (failure === undefined) throw error
      this.#failed.add(failure.host)
      return { failure }
    }
  }

  #mayRunAgain(failure: RunFailure, pauseMs: Milliseconds): boolean {
    if (this.#host.closing() || this.#plan.signal?.aborted === true) return false
    if (this.#host.engine.options.clock.nowMs() + pauseMs >= this.#endMs) return false
    return mayRunAgain(failure, this.#isRead, this.#rules)
  }

  /** Between 0 and 20 ms, then 40 ms, 80 ms, … 500 ms. */
  #pauseMs(attempts: number): Milliseconds {
    const longestMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1))
    return ms(longestMs * this.#host.engine.options.random())
  }

  /** What keeps the function from being run again is worth an error of its own only if all runs certainly had no effect. */
  async #unlessInDoubt<R>(step: () => Promise<R>): Promise<R> {
    try {
      return await step()
    } catch (error) {
      if (this.#inDoubt === undefined) throw error
      throw surfaced(this.#inDoubt)
    }
  }

  /** Waits; the end of the manager, and the caller's signal, end it at once. */
  #pause(pauseMs: Milliseconds): Promise<void> {
    const { engine } = this.#host
    const { signal } = this.#plan
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel()
        engine.waiters.remove(waiter)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => end(() => reject(new AcquireAbortedError(signal?.reason)))
      const waiter: Waiter = {
        retry: () => false,
        closed: () => end(() => reject(new ManagerClosedError('run the function again'))),
      }
      const timer = engine.options.clock.setTimer(pauseMs, () => end(resolve), 'process')
      engine.waiters.add(waiter)
      signal?.addEventListener('abort', onAbort)
    })
  }
}
