import type { DriverConnection } from '../driver/driver.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { Checkout } from './checkout.ts'
import type { PoolUsage } from './pool-usage.ts'
import type { Shelf } from './shelf.ts'

/** The pool that a supply works for. */
export interface SupplyOwner<TConnection> {
  readonly hostId: HostId
  readonly usage: PoolUsage
  readonly kept: Shelf<TConnection>
  /** Open connections, those being made included. */
  readonly size: number
  /** Connections that are still being made. */
  readonly connecting: number
  readonly generation: number
  /** Whether a connection that was made may be lent: it is of this generation, and open. */
  isFresh(connection: DriverConnection<TConnection>): boolean
  /** False if the caller declines. */
  lend(connection: DriverConnection<TConnection>, taker: Checkout<TConnection>): boolean
  /** A connection of `generation` could not be made. Returns what that says of the host. */
  connectFailed(error: Error, generation: number): HostFault | undefined
}
