import type { BoundLease } from '../../driver/driver.ts'
import type { NativeQuery } from './native.ts'
import type { Session } from './session.ts'

/** How a slot stands in its pool. */
export abstract class SlotState {
  abstract readonly session: Session
  lease: BoundLease | undefined
  /** Whether somebody has it to himself, or it is on its way there. */
  isTaken = true
  /** Whether it is to be closed as soon as nothing runs on it. */
  isDoomed = false
  /** Whether it gets no more statements of others, because somebody wants it to himself. */
  isDraining = false
  /** Whether it is not counted among those that the pool may hold. */
  isExtra = false
  /** Called once, when everything that the holder sent was answered. */
  onDone: (() => void) | undefined
  onNotice: ((channel: string, payload: string) => void) | undefined
  /** What its holder wants to be sent when what was sent is answered. */
  protected readonly queue: NativeQuery[] = []
  readonly #letsExit: boolean

  /** @param letsExit - whether it lets the process end while it is idle. */
  constructor(letsExit: boolean) {
    this.#letsExit = letsExit
  }

  /** Statements under way. */
  get pending(): number {
    return this.session.talk.sent.length + this.queue.length
  }

  /** Whether a statement of one of many may be sent behind those that run on it. */
  get isShareable(): boolean {
    if (this.isTaken || this.isDraining || this.isDoomed) return false
    return !this.session.talk.isFull && this.session.state === 'open'
  }

  /** Whether a statement runs on it outside of a lease. */
  isAnswering(): boolean {
    return !this.isTaken && this.pending > 0
  }

  retire(): void {
    this.isDoomed = true
  }

  isClosed(): boolean {
    return this.session.state === 'broken' || this.session.state === 'closed'
  }

  /** Whether the next lease may have it as it is. */
  canPassOn(): boolean {
    return !this.isDoomed && this.pending === 0 && !this.session.talk.isInTransaction
  }

  /** It is idle from now on. */
  rest(): void {
    if (this.#letsExit) this.session.hold('nothing')
  }

  /** It is used from now on. */
  wake(): void {
    if (this.#letsExit) this.session.hold('process')
  }
}
