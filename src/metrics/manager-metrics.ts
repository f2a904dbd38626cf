/** One host's pool at one moment. */
export interface DriverMetrics {
  /** `host:port`. */
  readonly host: string
  /** What the host is, for example `master`. */
  readonly state: string
  /** The most connections the pool may hold. */
  readonly max: number
  /** Open connections, those still connecting included. */
  readonly total: number
  /** Connections that are leased. */
  readonly used: number
  /** Connections kept ready for callers while the pool of a new master grows to what the old one's held. */
  readonly warmed: number
  /** Callers who wait, and for whom no connection is under way. */
  readonly waiting: number
  /** Median round trip of the host's last eight checks in milliseconds; undefined before the first. */
  readonly responseTimeMs: number | undefined
  /** How far the host is behind the master, in milliseconds and in bytes of its log; undefined: not known. */
  readonly lagMs: number | undefined
  readonly lagBytes: number | undefined
  /** Leases handed out so far. */
  readonly acquires: number
  /** Time from `acquire` to the lease, summed, in milliseconds. */
  readonly acquireTimeMs: number
  /** Leases that have ended: `acquires` = `releases` + `used`. */
  readonly releases: number
  /** Acquires that timed out while every connection of this host was leased. */
  readonly acquireTimeouts: number
  readonly connectErrors: number
  /** Errors of the server's own (disk, memory, I/O, corruption: 53100, 53200, 53400, 58030, XX000 to XX002). */
  readonly serverErrors: number
  /** For how long no lease has ended while all connections are leased and callers wait, in milliseconds; else 0. */
  readonly stuckMs: number
  /** Connections begun: `connectionsAdded` = `connectionsRemoved` + `total`. */
  readonly connectionsAdded: number
  readonly connectionsRemoved: number
  readonly labels: Readonly<Record<string, string>>
}

/** The manager at one moment. */
export interface HasqlMetrics {
  readonly masters: number
  readonly replicas: number
  readonly hosts: number
  /** Callers who wait for a suitable host. */
  readonly waiters: number
  readonly acquireTimeouts: number
  /** Changes of master after the first one was found. */
  readonly failovers: number
  /** Ended times without a known master, summed, in milliseconds. */
  readonly outageMs: number
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
