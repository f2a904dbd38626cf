import type { PoolOptions } from '../driver/driver.ts'
import type { Random } from '../random/random.ts'
import type { Clock } from '../time/clock.ts'

/** What a host's pool is opened with; the driver's pool with the rest of it. */
export interface HostPoolOptions extends PoolOptions {
  readonly clock: Clock
  readonly random: Random
}
