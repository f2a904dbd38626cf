import type { FakeConnection } from './fake-connection.ts'
import type { FakePool } from './fake-pool.ts'
import type { FakeProbe } from './fake-probe.ts'
import type { Row } from './fake-link.ts'

/** What a fake driver tells the test that watches it. `report` calls the hook of the manager that the event is for. */
export interface DriverWatch {
  /** The manager broke the contract of the driver's interface. */
  misused(text: string): void
  /** A count of the pool changed. */
  poolTouched(pool: FakePool): void
  born(connection: FakeConnection): void
  /** The server did something on a pooled connection that says something about it. */
  fault(connection: FakeConnection, error: Error, report: () => void): void
  /** The server, or a pooler in between, pushed a setting. */
  hinted(hostId: string, report: () => void): void
  /** Something arrived on an established connection at `atMs`, whether anybody reads it or not. */
  arrived(connection: FakeConnection, atMs: number): void
  /** A checkout ended. */
  givenBack(connection: FakeConnection, destroy: boolean): void
  /** A checkout failed. */
  connectFailed(pool: FakePool, error: Error): void
  probeOpened(probe: FakeProbe): void
  probeAsked(probe: FakeProbe, statement: string): void
  probeAnswered(probe: FakeProbe, statement: string, row: Row): void
  /** Called before the socket is destroyed. */
  probeDropped(probe: FakeProbe): void
}
