import type { HostPool } from '../pool/host-pool.ts'
import { ManagerClosedError } from '../errors.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** How long a server gets to answer a polite goodbye before the socket is destroyed. */
const FAREWELL_MS: Milliseconds = ms(250)

type AnyPool = Pick<HostPool<unknown, unknown>, 'leased' | 'onIdle' | 'destroy' | 'driverPool'>

/** Waits until every lease has ended, at most `timeoutMs`, then destroys the connections of those that have not. */
export async function drain(pools: readonly AnyPool[], timeoutMs: Milliseconds, clock: Clock): Promise<void> {
  const busy = pools.filter((pool) => pool.leased > 0)
  if (busy.length === 0) return
  const drained = Promise.all(busy.map((pool) => new Promise<void>((resolve) => pool.onIdle(resolve))))
  const timer = clock.setTimer(timeoutMs, () => destroyLeases(pools), 'process')
  await drained
  timer.cancel()
}

/** Cuts off what is leased: pending queries reject, the leases end. */
export function destroyLeases(pools: readonly AnyPool[]): void {
  const cause = new ManagerClosedError('go on using this connection')
  for (const pool of pools) pool.destroy('leased', cause)
}

/** Closes the drivers' pools; a connection whose server does not say goodbye in time is destroyed. */
export async function closePools(pools: readonly AnyPool[], clock: Clock): Promise<void> {
  const cause = new ManagerClosedError('go on using this connection')
  const timer = clock.setTimer(
    FAREWELL_MS,
    () => {
      for (const pool of pools) pool.destroy('all', cause)
    },
    'process',
  )
  await Promise.all(pools.map((pool) => pool.driverPool.close()))
  timer.cancel()
}
