import type { BoundLease, DriverConnection } from '../driver/driver.ts'
import { UnknownConnectionError } from '../errors.ts'

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
  readonly connection: DriverConnection<TConnection>
  readonly generation: number
  readonly #lessor: Lessor<TConnection>
  #state: 'active' | 'reclaimed' | 'ended' = 'active'
  #doomed = false

  constructor(lessor: Lessor<TConnection>, connection: DriverConnection<TConnection>, generation: number) {
    this.#lessor = lessor
    this.connection = connection
    this.generation = generation
    connection.bind(this)
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
