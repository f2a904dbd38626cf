import type { Received } from '../driver/driver.ts'
import type { Clock } from '../time/clock.ts'
import type { HeldConnection } from './lease.ts'

/** The pool whose connections are looked at. */
export interface LivingPool<TConnection> {
  readonly generation: number
  connections(): Iterable<HeldConnection<TConnection>>
}

/**
 * Tells a busy host from a dead one: whether anything has arrived on a pooled connection since a check was sent (law 12).
 *
 * It counts only on a connection of the current generation that was being read when the check was sent and ever since: what
 * was paused may bring now what came long ago. Costs one look at each connection with each check, and nothing in between.
 */
export class SignsOfLife<TConnection> {
  readonly #clock: Clock
  readonly #pool: LivingPool<TConnection>
  #marks: ReadonlyMap<HeldConnection<TConnection>, Received> | undefined
  #check = 0

  constructor(clock: Clock, pool: LivingPool<TConnection>) {
    this.#clock = clock
    this.#pool = pool
  }

  /** A check is sent. What has arrived by now, but is still unread, is no sign: it is read first (law 13). */
  expect(): void {
    this.#marks = undefined
    this.#check += 1
    const check = this.#check
    this.#clock.afterPendingIo(() => {
      if (check === this.#check) this.#marks = this.#mark()
    })
  }

  /** Whether something has arrived since the check was sent. */
  get isSeen(): boolean {
    for (const [held, before] of this.#marks ?? []) {
      const now = this.#receivedOn(held)
      if (now !== undefined && now.pauses === before.pauses && now.amount > before.amount) return true
    }
    return false
  }

  #mark(): ReadonlyMap<HeldConnection<TConnection>, Received> {
    const marks = new Map<HeldConnection<TConnection>, Received>()
    for (const held of this.#pool.connections()) {
      const received = this.#receivedOn(held)
      if (received?.isRead === true) marks.set(held, received)
    }
    return marks
  }

  #receivedOn({ connection, generation }: HeldConnection<TConnection>): Received | undefined {
    return generation === this.#pool.generation ? connection.received?.() : undefined
  }
}
