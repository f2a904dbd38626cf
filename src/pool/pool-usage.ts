/**
 * How busy a pool is. Policies read it of every host for each pick, so it is one small object that is written when something
 * changes, instead of a walk through the pool's parts.
 */
export class PoolUsage {
  /** Connections that callers hold. */
  leased = 0
  /** Callers who have no connection yet. */
  queued = 0
  /** What the driver's pool may hold, when it was looked at last: with each connection asked for or given back. */
  capacity = 0

  get load(): number {
    return this.leased + this.queued
  }
}
