/** The counts of a host's pool at one moment. */
export type PoolCounts = Omit<PoolCounters, 'copy'>

/** What happened in one host's pool since the manager was made. Only ever grows. */
export class PoolCounters {
  /** Leases handed out. */
  acquires = 0
  /** Time from `acquire` to the lease, summed, in milliseconds; waiting for a host included. */
  acquireTimeMs = 0
  /** Leases that ended, by the holder or because the connection died. */
  releases = 0
  /** Acquires that ran out of time while they were waiting for this host's pool. */
  acquireTimeouts = 0
  /** Connection attempts that failed. */
  connectErrors = 0
  /** Errors of the server's own: disk, memory, I/O, corruption. */
  serverErrors = 0
  /** Connection objects made; some may never have connected. */
  connectionsAdded = 0
  /** Sockets closed. */
  connectionsRemoved = 0

  copy(): PoolCounts {
    const { acquires, acquireTimeMs, releases, acquireTimeouts } = this
    const { connectErrors, serverErrors, connectionsAdded, connectionsRemoved } = this
    const connections = { connectErrors, serverErrors, connectionsAdded, connectionsRemoved }
    return { acquires, acquireTimeMs, releases, acquireTimeouts, ...connections }
  }
}
