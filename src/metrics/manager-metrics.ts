import type { HostDescription } from '../topology/host-description.ts'
import type { Durations } from './duration-histogram.ts'
import type { FaultCounts } from './fault-counts.ts'

/** One host's pool, and what is known of the host, at one moment. Counters count from when the manager was made. */
export interface DriverMetrics {
  /** `host:port`. */
  readonly host: string
  /** What the host is, for example `master`; see docs/architecture.md. */
  readonly state: HostDescription['kind']
  /** What callers get the host as; undefined: it is out of use. */
  readonly role: 'master' | 'replica' | undefined
  /** Why it is in or out of use, in words that follow its name: `is unreachable (connect ECONNREFUSED …)`. */
  readonly why: string
  /** For how long the host has been in this state, in milliseconds. */
  readonly stateMs: number
  /** Connections that the driver's pool keeps open when nobody needs them. */
  readonly min: number
  /** The most connections the pool may hold. */
  readonly max: number
  /** Open connections, those still connecting included: `total` = `idle` + `used` + `connecting`. */
  readonly total: number
  /** Connections that are neither leased nor being made. */
  readonly idle: number
  /** Connections that are leased. */
  readonly used: number
  /** Connections that are being made. */
  readonly connecting: number
  /** Of the idle ones, those kept ready for callers while the pool of a new master grows to what the old one's held. */
  readonly warmed: number
  /** Callers who wait, and for whom no connection is under way. */
  readonly waiting: number
  /** Median round trip of the host's last eight checks in milliseconds; undefined before the first. */
  readonly responseTimeMs: number | undefined
  /** How far the host is behind the master, in milliseconds and in bytes of its log; undefined: not known. */
  readonly lagMs: number | undefined
  readonly lagBytes: number | undefined
  /** Leases handed out. */
  readonly acquires: number
  /** Time from `acquire` to the lease, summed, in milliseconds: `hostWaitTime.sumMs` + `waitTime.sumMs`. */
  readonly acquireTimeMs: number
  /** For those leases whose host was not chosen at once: how long it took until it was. */
  readonly hostWaitTime: Durations
  /** From the choice of the host to the lease, one for each of `acquires`. */
  readonly waitTime: Durations
  /** Leases that have ended: `acquires` = `releases` + `used`. */
  readonly releases: number
  /** How long leases were held, one for each of `releases`. */
  readonly useTime: Durations
  /** Acquires that timed out while every connection of this host was leased. */
  readonly acquireTimeouts: number
  /** Connections that could not be made. */
  readonly connectErrors: number
  /** Errors of the server's own (disk, memory, I/O, corruption: 53100, 53200, 53400, 58030, XX000 to XX002). */
  readonly serverErrors: number
  /** Errors of the pool's connections that say something of the host, by what they say; `server-error` = `serverErrors`. */
  readonly errors: Readonly<FaultCounts>
  /** For how long no lease has ended while all connections are leased and callers wait, in milliseconds; else 0. */
  readonly stuckMs: number
  /** For how long commits on the master have been waiting for a synchronous standby, in milliseconds; else 0. */
  readonly syncWaitMs: number
  /** Connections begun: `connectionsAdded` = `connectionsRemoved` + `total`. */
  readonly connectionsAdded: number
  readonly connectionsRemoved: number
  /** How long making a connection took, authentication included, one for each that was made. */
  readonly createTime: Durations
  /** Checks of the host that have ended. */
  readonly probes: number
  /** Checks that brought no answer. */
  readonly probesFailed: number
  /** The same by what it says of the host: they add up to `probesFailed`. */
  readonly probeErrors: Readonly<FaultCounts>
  /** Round trips of the checks that were answered: `probes` - `probesFailed` of them. */
  readonly responseTime: Durations
  readonly labels: Readonly<Record<string, string>>
}

/** The manager at one moment. */
export interface HasqlMetrics {
  /** Hosts that take writes, and hosts that take reads, the master not counted. */
  readonly masters: number
  readonly replicas: number
  readonly hosts: number
  /** Callers who wait for a suitable host. */
  readonly waiters: number
  /** Acquires that ran out of time, wherever they waited: at least the sum of the hosts' `acquireTimeouts`. */
  readonly acquireTimeouts: number
  /** Masters found, the first one included, when they are another host than the one before. */
  readonly masterChanges: number
  /** Changes of master after the first one was found: `masterChanges` - 1, or 0. */
  readonly failovers: number
  /** Times without a known master, one that goes on included; the first search is not one. */
  readonly outages: number
  /** Ended times without a known master, summed, in milliseconds. */
  readonly outageMs: number
  /** For how long no master has been known now, in milliseconds; 0 while one is, and in the first search. */
  readonly currentOutageMs: number
  /** How often a function was run again on another lease, because its caller asked for `retry`. */
  readonly retries: number
  /**
   * Checks that got more time, or began anew, because the event loop of this process stood still when their time was up;
   * each host that was being asked counts. Growing means that the application blocks the loop, or the machine sleeps.
   */
  readonly stalls: number
}

/** What `metrics()` returns. */
export interface ManagerMetrics {
  readonly drivers: readonly DriverMetrics[]
  readonly hasql: HasqlMetrics
}
