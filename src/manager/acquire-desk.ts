import type { HostId } from '../dsn/host-spec.ts'
import { AccessRefusedError, AcquireTimeoutError } from '../errors.ts'
import type { AcquireTimeoutReason, HasqlError } from '../errors.ts'
import type { Random } from '../random/random.ts'
import { describeTarget } from '../selection/target.ts'
import type { Target } from '../selection/target.ts'
import type { Waiter, Waiters } from '../selection/waiters.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { ExpiryQueue } from '../time/expiry-queue.ts'
import type { Topology } from '../topology/topology.ts'
import { explainHosts, isAccessRefusedEverywhere, summarize, withAdvice } from './explain.ts'
import type { HostCandidate } from './host-candidate.ts'
import type { Router } from './router.ts'

/** What an acquisition was doing when it had to give up. */
export interface AcquireState {
  readonly target: Target
  readonly startedAtMs: Milliseconds
  readonly expiresAtMs: Milliseconds
  /** The host whose full pool it was waiting for, if it was. */
  readonly queuedAt: HostId | undefined
  /** Whether it was waiting for a connection to be made. */
  readonly connecting: boolean
  readonly lastError: Error | undefined
}

/** Since when an acquisition waited, first for a host, then for a connection of it. */
export interface AcquireTimes {
  readonly startedAtMs: Milliseconds
  readonly chosenAtMs: Milliseconds | undefined
}

/** Chooses a host: the router, or one that leaves hosts out. */
export type HostChooser<TConnection, TPool> = Pick<Router<TConnection, TPool>, 'chooseRather'>

/** What the acquisitions of one manager share. */
export interface DeskParts<TConnection, TPool> {
  readonly clock: Clock
  readonly random: Random
  readonly router: HostChooser<TConnection, TPool>
  readonly waiters: Waiters
  readonly expiry: ExpiryQueue
  readonly topology: () => Topology
  /** Somebody waits for a host: look sooner. */
  readonly demandProbes: () => void
  readonly onGranted: (hostId: HostId, connection: TConnection, waitedMs: number, hostWaitMs: number) => void
  readonly onTimeout: (queuedAt: HostId | undefined, error: AcquireTimeoutError) => void
}

/** Where acquisitions find what they need, and where their errors are worded. */
export class AcquireDesk<TConnection, TPool> {
  readonly clock: Clock
  readonly random: Random
  readonly router: HostChooser<TConnection, TPool>
  readonly waiters: Waiters
  readonly expiry: ExpiryQueue
  readonly #parts: DeskParts<TConnection, TPool>

  constructor(parts: DeskParts<TConnection, TPool>) {
    this.#parts = parts
    this.clock = parts.clock
    this.random = parts.random
    this.router = parts.router
    this.waiters = parts.waiters
    this.expiry = parts.expiry
  }

  wait(waiter: Waiter): void {
    this.waiters.add(waiter)
    this.#parts.demandProbes()
  }

  /** Whether a connection that is as old as this probe is none for these callers. Of the usual ones it never is. */
  declines(_hostId: HostId | undefined, _probe: number): boolean {
    return false
  }

  /** Counts the lease that begins now, and returns that moment. */
  granted(
    { startedAtMs, chosenAtMs = startedAtMs }: AcquireTimes,
    connection: TConnection,
    { hostId, pool }: HostCandidate<TConnection, TPool>,
  ): Milliseconds {
    const nowMs = this.clock.nowMs()
    pool.counters.granted(startedAtMs, chosenAtMs, nowMs)
    this.#parts.onGranted(hostId, connection, nowMs - startedAtMs, chosenAtMs - startedAtMs)
    return nowMs
  }

  timedOut(state: AcquireState): AcquireTimeoutError {
    const hosts = explainHosts(this.#parts.topology(), state.target, this.clock.nowMs())
    const reason = reasonOf(state)
    const text = `${wordTimeout(reason, state)}. Hosts: ${summarize(hosts)}`
    const error = new AcquireTimeoutError(reason, text, hosts, { cause: state.lastError })
    this.#parts.onTimeout(state.queuedAt, error)
    return error
  }

  /** The error to fail with at once, because waiting is in vain: every host refuses us by configuration. */
  refusedEverywhere(target: Target): HasqlError | undefined {
    return isAccessRefusedEverywhere(this.#parts.topology()) ? this.accessRefused(target, undefined) : undefined
  }

  accessRefused(target: Target, cause: Error | undefined): AccessRefusedError {
    const hosts = explainHosts(this.#parts.topology(), target, this.clock.nowMs())
    const said = cause === undefined ? '' : ` (${cause.message}; check user, password, database and TLS settings)`
    const text = `No ${describeTarget(target)} lets us in${said}. Hosts: ${summarize(hosts)}`
    return new AccessRefusedError(text, hosts, { cause })
  }
}

function reasonOf({ queuedAt, connecting, lastError }: AcquireState): AcquireTimeoutReason {
  if (queuedAt !== undefined) return 'pool-exhausted'
  return connecting || lastError !== undefined ? 'connect-failed' : 'no-suitable-host'
}

function wordTimeout(reason: AcquireTimeoutReason, state: AcquireState): string {
  const wanted = describeTarget(state.target)
  const limitMs = Math.round(state.expiresAtMs - state.startedAtMs)
  switch (reason) {
    case 'pool-exhausted':
      return `All connections of ${state.queuedAt ?? 'the host'} stayed in use for ${limitMs} ms: release connections sooner, or raise poolOptions.max`
    case 'connect-failed':
      return `No connection to a ${wanted} could be made within ${limitMs} ms${state.lastError === undefined ? '' : ` (last error: ${withAdvice(state.lastError)})`}`
    case 'no-suitable-host':
      return `No ${wanted} was found within ${limitMs} ms`
  }
}
