import { codeOf } from '../driver/classify-error.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'

/** `admin_shutdown`: one session is told to go, by an administrator or because the server stops. */
const TOLD_TO_GO = '57P01'

/** How close to each other two of them mean that the server stops. */
const TOGETHER_MS = 1_000

/**
 * Tells a server that stops from a session that an administrator ended: one session told to go is an accident, a second
 * one of the same host and generation within a second is the host going down: a fast stop tells every session.
 */
export class ShutdownSigns {
  readonly #last = new Map<HostId, { readonly atMs: number; readonly generation: number }>()

  /** What the loss of a session says, given those before it. A connection is lost at most once, so each call is another. */
  judge(hostId: HostId, fault: HostFault, cause: Error, generation: number, atMs: number): HostFault {
    if (fault !== 'lost' || codeOf(cause) !== TOLD_TO_GO) return fault
    const before = this.#last.get(hostId)
    this.#last.set(hostId, { atMs, generation })
    return before?.generation === generation && atMs - before.atMs <= TOGETHER_MS ? 'not-ready' : fault
  }
}
