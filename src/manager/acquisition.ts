import type { HostId } from '../dsn/host-spec.ts'
import { AcquireAbortedError, ManagerClosedError } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { Checkout, GrantedLease, QueueLink } from '../pool/checkout.ts'
import type { Target } from '../selection/target.ts'
import type { Waiter } from '../selection/waiters.ts'
import type { Timer } from '../time/clock.ts'
import type { Expirable } from '../time/expiry-queue.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { AcquireDesk } from './acquire-desk.ts'
import type { HostCandidate } from './host-candidate.ts'
import { toError } from '../to-error.ts'

/** Pause before the hosts that all refused are tried again; doubled each time, with jitter. */
const FIRST_PAUSE_MS = 20
const LAST_PAUSE_MS = 250

/** One call of `acquire`: waits for a host, then for its pool, goes on when one refuses, ends once, under one deadline (law 6). */
export class Acquisition<TConnection, TPool> implements Checkout<TConnection>, Waiter, Expirable {
  readonly link: QueueLink<TConnection> = { place: undefined, before: undefined, after: undefined }
  readonly target: Target
  readonly startedAtMs: Milliseconds
  readonly expiresAtMs: Milliseconds
  /** The host whose pool was asked last, and when it was chosen; undefined: at once. */
  candidate: HostCandidate<TConnection, TPool> | undefined
  chosenAtMs: Milliseconds | undefined
  lease: GrantedLease<TConnection> | undefined
  earlier: Expirable | undefined = undefined
  later: Expirable | undefined = undefined
  readonly #desk: AcquireDesk<TConnection, TPool>
  readonly #signal: AbortSignal | undefined
  readonly #shunned: ReadonlySet<HostId> | undefined
  readonly #resolve: (connection: TConnection) => void
  readonly #reject: (error: Error) => void
  #tried: Set<HostId> | undefined
  #onlyAccessFaults = true
  #lastError: Error | undefined
  #pauseMs = FIRST_PAUSE_MS
  #pause: Timer | undefined
  #onAbort: (() => void) | undefined
  #waited = false
  #asked = false
  #ended = false

  constructor(
    desk: AcquireDesk<TConnection, TPool>,
    target: Target,
    timeoutMs: Milliseconds,
    signal: AbortSignal | undefined,
    shunned: ReadonlySet<HostId> | undefined,
    resolve: (connection: TConnection) => void,
    reject: (error: Error) => void,
  ) {
    this.#desk = desk
    this.target = target
    this.startedAtMs = desk.clock.nowMs()
    this.expiresAtMs = ms(this.startedAtMs + timeoutMs)
    this.#signal = signal
    this.#shunned = shunned
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(): void {
    if (this.#signal !== undefined) {
      if (this.#signal.aborted) return this.#reject(new AcquireAbortedError(this.#signal.reason))
      this.#onAbort = () => this.#fail(new AcquireAbortedError(this.#signal?.reason))
      this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    this.#desk.expiry.add(this)
    this.#advance()
  }

  declines(probe: number): boolean {
    return this.#desk.declines(this.candidate?.hostId, probe)
  }

  granted(connection: TConnection, lease: GrantedLease<TConnection>): void {
    this.#end()
    this.lease = lease
    if (this.candidate !== undefined) lease.grantedAtMs = this.#desk.granted(this, connection, this.candidate)
    this.#resolve(connection)
  }

  refused(error: Error, hostId: HostId, fault?: HostFault): void {
    if (fault === undefined) return this.#fail(error)
    this.#lastError = error
    this.#onlyAccessFaults &&= fault === 'access'
    this.#tried = (this.#tried ?? new Set()).add(hostId)
    this.#advance()
  }

  displaced(): void {
    this.#advance()
  }

  /** Looks at a new topology. Hosts that refused are not asked again before the pause is over. */
  retry(): boolean {
    const candidate = this.#choose(this.#tried)
    if (candidate === undefined) {
      this.#failIfRefusedEverywhere()
    } else {
      this.#stopWaiting()
      this.#checkOut(candidate)
    }
    return this.#ended
  }

  closed(): void {
    this.#fail(new ManagerClosedError('acquire a connection'))
  }

  expire(): void {
    const connecting = this.link.place !== undefined
    const queuedAt = this.candidate?.pool.isQueued(this) === true ? this.candidate.hostId : undefined
    this.#leave()
    const { target, startedAtMs, expiresAtMs } = this
    const lastError = this.#lastError
    this.#reject(this.#desk.timedOut({ target, startedAtMs, expiresAtMs, queuedAt, connecting, lastError }))
  }

  /** Chooses a host and asks its pool; waits where there is none to ask. */
  #advance(): void {
    const candidate = this.#choose(this.#tried)
    if (candidate !== undefined) return this.#checkOut(candidate)
    if (this.#ended) return
    if (this.#tried !== undefined) return this.#pauseBeforeRetry()
    this.#waited = true
    this.#desk.wait(this)
    this.#failIfRefusedEverywhere()
  }

  /** Every suitable host refused. Another host, or a while, may change that; a wrong password it will not. */
  #pauseBeforeRetry(): void {
    if (this.#onlyAccessFaults && this.#lastError !== undefined) {
      return this.#fail(this.#desk.accessRefused(this.target, this.#lastError))
    }
    this.#waited = true
    this.#desk.wait(this)
    const jitteredMs = ms(this.#pauseMs * (0.5 + 0.5 * this.#desk.random()))
    this.#pauseMs = Math.min(LAST_PAUSE_MS, this.#pauseMs * 2)
    this.#pause = this.#desk.clock.setTimer(jitteredMs, () => this.#retryAfterPause(), 'process')
  }

  #retryAfterPause(): void {
    this.#stopWaiting()
    this.#tried = undefined
    this.#onlyAccessFaults = true
    this.#advance()
  }

  #stopWaiting(): void {
    this.#desk.waiters.remove(this)
    this.#pause?.cancel()
    this.#pause = undefined
  }

  /** A policy is the caller's own code: an error of it ends this acquire, and disturbs nothing else. */
  #choose(tried: ReadonlySet<HostId> | undefined): HostCandidate<TConnection, TPool> | undefined {
    this.candidate = undefined
    try {
      return this.#desk.router.chooseRather(this.target, tried, this.#shunned)
    } catch (error) {
      this.#fail(toError(error))
      return undefined
    }
  }

  #checkOut(candidate: HostCandidate<TConnection, TPool>): void {
    this.candidate = candidate
    if (this.#waited || this.#asked) this.chosenAtMs = this.#desk.clock.nowMs()
    this.#asked = true
    candidate.pool.checkOut(this)
  }

  #failIfRefusedEverywhere(): void {
    const error = this.#desk.refusedEverywhere(this.target)
    if (error !== undefined) this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#desk.expiry.remove(this)
    this.#leave()
  }

  #leave(): void {
    this.#ended = true
    this.candidate?.pool.leave(this)
    if (this.#waited) this.#desk.waiters.remove(this)
    this.#pause?.cancel()
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
