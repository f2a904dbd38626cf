import type { BoundLease, DriverConnection } from '../driver/driver.ts'
import { UnknownConnectionError } from '../errors.ts'

/** A connection of a pool: since when it counts, and who has it. One look-up finds both. */
export interface HeldConnection<TConnection> {
  readonly connection: DriverConnection<TConnection>
  readonly generation: number
  lease: Lease<TConnection> | undefined
}

/** Where a lease goes back to. */
export interface Lessor<TConnection> {
  returned(lease: Lease<TConnection>, destroy: boolean): void
}

/**
 * One borrowing of one connection: it ends exactly once.
 *
 * The native connection's own way of giving back is bound to this object, so a second call through an old reference
 * can never end somebody else's lease of the same physical connection.
 */
export class Lease<TConnection> implements BoundLease {
  readonly held: HeldConnection<TConnection>
  readonly #lessor: Lessor<TConnection>
  #state: 'active' | 'reclaimed' | 'ended' = 'active'
  #doomed = false

  constructor(lessor: Lessor<TConnection>, held: HeldConnection<TConnection>) {
    this.#lessor = lessor
    this.held = held
    held.connection.bind(this)
  }

  get generation(): number {
    return this.held.generation
  }

  /**
   * Gives the connection back.
   * @throws {UnknownConnectionError} it was given back before.
   */
  release(destroy: boolean): void {
    if (this.#state === 'ended') throw new UnknownConnectionError('released')
    const active = this.#state === 'active'
    this.#state = 'ended'
    if (active) this.#lessor.returned(this, destroy || this.#doomed)
  }

  dispose(destroy = false): void {
    if (this.#state !== 'ended') this.release(destroy)
  }

  /** The connection will be destroyed when it is given back, however that is done. */
  doom(): void {
    this.#doomed = true
  }

  /** Ends the lease of a connection that died: the holder's own release will find nothing left to do. */
  reclaim(): void {
    if (this.#state !== 'active') return
    this.#state = 'reclaimed'
    this.#lessor.returned(this, true)
  }
}
