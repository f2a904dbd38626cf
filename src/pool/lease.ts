import type { BoundLease, DriverConnection } from '../driver/driver.ts'
import { retiresConnection } from '../driver/session-end.ts'
import { HostLostError, UnknownConnectionError } from '../errors.ts'
import type { Outcome } from '../errors.ts'
import type { HostFault } from '../host-fault.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** A connection of a pool: since when it counts, and who has it. One look-up finds both. */
export interface HeldConnection<TConnection> {
  readonly connection: DriverConnection<TConnection>
  readonly generation: number
  readonly bornAtMs: Milliseconds
  /** The number of the host's newest probe when the connection was known to be made. */
  probe: number
  lease: Lease<TConnection> | undefined
  /** Whether it is still being made. */
  isNew: boolean
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
  /** When its holder got it: set by whoever tells the holder. */
  grantedAtMs: Milliseconds = ms(0)
  readonly #lessor: Lessor<TConnection>
  #state: 'active' | 'reclaimed' | 'ended' = 'active'
  #doomed = false
  #failure: unknown

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

  /** The last error that the driver reported of this connection during the lease. */
  get failure(): unknown {
    return this.#failure
  }

  /** Whether the connection will be destroyed when it is given back. */
  get isDoomed(): boolean {
    return this.#doomed
  }

  /** What is known of the effects of this lease; once its holder has ended it, the connection may be somebody else's. */
  get outcome(): Outcome {
    return this.#state === 'ended' ? 'unknown' : (this.held.connection.outcome?.() ?? 'unknown')
  }

  /** An error came on the connection: after some it will be destroyed when it is given back, however that is done. */
  failed(error: unknown, fault: HostFault | undefined): void {
    this.#failure = error
    this.#doomed ||= retiresConnection(error, fault)
  }

  /** What pending work rejects with when the host is taken out. */
  lost(hostId: string, cause: Error): HostLostError {
    return new HostLostError(hostId, this.outcome, 'was lost while the connection was leased', { cause })
  }

  /** Ends the lease of a connection that died: the holder's own release will find nothing left to do. */
  reclaim(): void {
    if (this.#state !== 'active') return
    this.#state = 'reclaimed'
    this.#lessor.returned(this, true)
  }
}
