import type { SocketLookup } from '../network/lookup.ts'
import type { Random } from '../random/random.ts'
import type { Clock, Hold } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { HostObservation } from '../topology/observation.ts'
import type { Topology } from '../topology/topology.ts'
import type { ProbeListener } from './probe-listener.ts'

/** What a monitor works with. */
export interface MonitorSettings {
  readonly clock: Clock
  readonly random: Random
  /** Whether watching keeps the process alive. */
  readonly hold: Hold
  readonly refreshDelayMs: Milliseconds
  readonly refreshTimeoutMs: Milliseconds
  readonly connectTimeoutMs: Milliseconds
  /** For the sockets of probe connections. */
  readonly lookup: SocketLookup
  readonly topology: () => Topology
  readonly observe: (seen: HostObservation) => void
  /** A round gets more time because the event loop stood still (law 13). */
  readonly onStall: () => void
  readonly probes: ProbeListener
}
