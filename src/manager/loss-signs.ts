import { codeOf } from '../driver/classify-error.ts'
import { endsSession } from '../driver/session-end.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'

/** `admin_shutdown`: one session is told to go, by an administrator or because the server stops. */
const TOLD_TO_GO = '57P01'

/** How close to each other two of them mean that the server stops. */
const TOGETHER_MS = 1_000

/** A session that is lost so soon was never of use, and a loss that lies so far back has nothing to do with it. */
const SHORT_LIFE_MS = 1_000
const APART_MS = 5_000

/** One session that was lost. */
export interface Loss {
  readonly fault: HostFault
  readonly cause: Error
  readonly generation: number
  /** When its connection was begun; undefined for one that was never made. */
  readonly bornAtMs: number | undefined
  readonly atMs: number
}

/**
 * What losses of sessions say together, of which a single one says nothing: the probe connection is the judge of that.
 *
 * A session told to go is an accident, a second one of the same host and generation within a second is the host going down: a fast
 * stop tells every session. And a session that began after another one was lost, and is lost as well before it was of any use and before
 * the host has answered a check, was no accident either: what answers is a pooler, with nobody behind it. Leases wait for the answer
 * then, lest each of them fails in turn. Only what ended its session counts: a statement may fail by its own with the code of a lost one.
 */
export class LossSigns {
  readonly #told = new Map<HostId, Pick<Loss, 'atMs' | 'generation'>>()
  /** Of each host the first loss that no check was answered after. */
  readonly #firstMs = new Map<HostId, number>()

  /** What the loss says, given those before it. A connection is lost at most once, so each call is another. */
  judge(host: HostDescription, loss: Loss): HostFault {
    const { fault, cause, bornAtMs } = loss
    if (fault !== 'lost' || bornAtMs === undefined) return fault
    const isStopping = codeOf(cause) === TOLD_TO_GO && this.#isToldAgain(host.hostId, loss)
    const isAgain = hasEnded(cause) && this.#isLostAgain(host, bornAtMs, loss.atMs)
    return isStopping ? 'not-ready' : isAgain ? 'down' : fault
  }

  #isToldAgain(hostId: HostId, { atMs, generation }: Loss): boolean {
    const before = this.#told.get(hostId)
    this.#told.set(hostId, { atMs, generation })
    return before?.generation === generation && atMs - before.atMs <= TOGETHER_MS
  }

  #isLostAgain(host: HostDescription, bornAtMs: number, atMs: number): boolean {
    const askedMs = isAnswering(host) ? host.seenAtMs - host.roundTripMs : -Infinity
    const firstMs = this.#firstMs.get(host.hostId)
    if (firstMs !== undefined && firstMs >= askedMs && atMs - firstMs <= APART_MS) {
      return bornAtMs > firstMs && atMs - bornAtMs <= SHORT_LIFE_MS
    }
    this.#firstMs.set(host.hostId, atMs)
    return false
  }
}

/** An error of the server says by its severity whether it ended the session; any other one is the end of the connection. */
function hasEnded(cause: Error): boolean {
  // A SQLSTATE has a digit; EPIPE has none.
  const isOfServer = /^(?=.*\d)[0-9A-Z]{5}$/.test(codeOf(cause) ?? '')
  return !isOfServer || endsSession(cause)
}
