import type { HostPool } from '../pool/host-pool.ts'
import { ManagerClosedError } from '../errors.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'

/** How long a server gets to answer a polite goodbye before the socket is destroyed. */
const FAREWELL_MS: Milliseconds = ms(250)

type AnyPool = Pick<HostPool<unknown, unknown>, 'onIdle' | 'destroy' | 'driverPool'>

/** Waits until nothing is busy, at most `timeoutMs`, then destroys the connections that still are. */
export async function drain(pools: readonly AnyPool[], timeoutMs: Milliseconds, clock: Clock): Promise<void> {
  let busy = pools.length
  await new Promise<void>((resolve) => {
    let timer: Timer | undefined
    const idle = (): void => {
      busy -= 1
      if (busy > 0) return
      timer?.cancel()
      resolve()
    }
    for (const pool of pools) pool.onIdle(idle)
    if (busy > 0) timer = clock.setTimer(timeoutMs, () => destroyLeases(pools), 'process')
  })
}

/** Cuts off what is leased: pending queries reject, the leases end. */
export function destroyLeases(pools: readonly AnyPool[]): void {
  const cause = new ManagerClosedError('go on using this connection')
  for (const pool of pools) pool.destroy('busy', cause)
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
