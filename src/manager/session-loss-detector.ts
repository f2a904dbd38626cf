import { codeOf } from '../driver/classify-error.ts'
import { endsSession } from '../driver/session-end.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'

const ADMIN_SHUTDOWN = '57P01'

/** Two administrator shutdowns within this time mean that the server stops. */
const STOP_WINDOW_MS = 1_000

/** A session that ends within this time of its creation never served anybody. */
const SHORT_LIFE_MS = 1_000
/** Losses farther apart than this have nothing to do with each other. */
const REPEAT_WINDOW_MS = 5_000

/** The loss of one session. */
export interface SessionLoss {
  readonly fault: HostFault
  readonly cause: Error
  readonly generation: number
  /** When the connection was created; undefined when it was never established. */
  readonly createdAtMs: number | undefined
  readonly atMs: number
}

/**
 * Classifies the loss of a session by the losses before it. A single loss says nothing of the host: the probe decides.
 *
 * - A second session of the same host and generation that is terminated by the administrator (57P01) within a second means that the
 *   server stops: a fast shutdown terminates every session.
 * - A session that was created after another one was lost, and ends at once itself before a health check has been answered, means
 *   that a pooler accepts clients without a server behind it. Leases wait for the health check then, since each would fail in turn.
 *   Only an error that ended its session counts: a statement may fail with the code of a lost connection.
 */
export class SessionLossDetector {
  readonly #adminShutdowns = new Map<HostId, Pick<SessionLoss, 'atMs' | 'generation'>>()
  /** The first loss of each host since the newest answered health check was sent. */
  readonly #firstLossMs = new Map<HostId, number>()

  classify(host: HostDescription, loss: SessionLoss): HostFault {
    const { fault, cause, createdAtMs, atMs } = loss
    if (fault !== 'lost' || createdAtMs === undefined) return fault
    const isStop = codeOf(cause) === ADMIN_SHUTDOWN && this.#isSecondShutdown(host.hostId, loss)
    const isRepeated = hasEndedSession(cause) && this.#isRepeatedLoss(host, createdAtMs, atMs)
    if (isStop) return 'not-ready'
    return isRepeated ? 'down' : fault
  }

  #isSecondShutdown(hostId: HostId, { atMs, generation }: SessionLoss): boolean {
    const before = this.#adminShutdowns.get(hostId)
    this.#adminShutdowns.set(hostId, { atMs, generation })
    return before?.generation === generation && atMs - before.atMs <= STOP_WINDOW_MS
  }

  #isRepeatedLoss(host: HostDescription, createdAtMs: number, atMs: number): boolean {
    const probeSentMs = isAnswering(host) ? host.seenAtMs - host.roundTripMs : -Infinity
    const firstMs = this.#firstLossMs.get(host.hostId)
    if (firstMs !== undefined && firstMs >= probeSentMs && atMs - firstMs <= REPEAT_WINDOW_MS) {
      return createdAtMs > firstMs && atMs - createdAtMs <= SHORT_LIFE_MS
    }
    this.#firstLossMs.set(host.hostId, atMs)
    return false
  }
}

/** The severity of a server's error decides; any other error is the end of the connection. */
function hasEndedSession(cause: Error): boolean {
  // A SQLSTATE has a digit; EPIPE has none.
  const isSqlState = /^(?=.*\d)[0-9A-Z]{5}$/.test(codeOf(cause) ?? '')
  return !isSqlState || endsSession(cause)
}
