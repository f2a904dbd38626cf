import type { DriverConnection } from '../driver/driver.ts'
import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'

/** What a host's pool tells the manager. */
export interface HostPoolListener<TConnection> {
  connectionBorn(hostId: HostId, connection: DriverConnection<TConnection>): void
  /** The connection was made, within `tookMs`. Answers with the number of the host's newest probe. */
  connected(hostId: HostId, connection: TConnection, tookMs: number): number
  /**
   * Something failed on a connection of `generation` that was created at `createdAtMs`, or the connect itself did, where that is
   * undefined; `fault` is what it says about the host.
   */
  hostFault(hostId: HostId, fault: HostFault, error: Error, generation: number, createdAtMs: number | undefined): void
  roleHint(hostId: HostId): void
  /** The server that a new connection reached said whether it is a standby. */
  roleTold(hostId: HostId, isStandby: boolean): void
  /** A lease has ended that was held for `usedMs`. */
  released(hostId: HostId, connection: TConnection, usedMs: number): void
}
