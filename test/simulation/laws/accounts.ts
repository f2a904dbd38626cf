import type { FakePool } from '../../support/fake/fake-pool.ts'
import type { Workload } from '../workload.ts'
import type { World } from '../world.ts'

/**
 * I3: each lease ends exactly once, and the manager's accounts agree with the driver's.
 *
 * At the end of every step in which a pool changed: connections lent by it = leases in use by the metrics and those kept
 * ready, `acquires` = `releases` + `used`, of each of which it is known how long it took,
 * `connectionsAdded` = `connectionsRemoved` + `total`, and total = sockets alive ≤ `max` (those that say goodbye are on
 * top, as with every driver). A lease that was announced has reached its caller in the same turn (law 8: nobody who gave
 * up is given one). That a connection is lent to one holder, and given back once, is watched where it happens.
 */
export function checkAccounts(world: World, workload: Workload): void {
  const touched = new Set<FakePool>()
  world.announcer.on('poolTouched', (pool) => touched.add(pool))
  world.announcer.on('step', () => {
    for (const [client, { hostId }] of workload.unclaimed) {
      world.violated('I3', `connection #${client.id} of ${hostId} was leased to nobody`)
    }
    if (touched.size === 0) return
    const { drivers } = world.db.metrics()
    for (const pool of touched) {
      const metrics = drivers.find(({ host }) => host === pool.hostId)
      if (metrics !== undefined) check(world, pool, metrics)
    }
    touched.clear()
  })
}

function check(world: World, pool: FakePool, metrics: ReturnType<World['db']['metrics']>['drivers'][0]): void {
  const { used, warmed, idle, connecting, total, max, acquires, releases, connectionsAdded, connectionsRemoved } =
    metrics
  const { waitTime, hostWaitTime, useTime, acquireTimeMs } = metrics
  const kept = pool.hooks.kept.length
  const waitedMs = waitTime.sumMs + hostWaitTime.sumMs
  const working = [...pool.live].filter(({ socket }) => !socket.isEnding && !socket.isClosed)
  const wrong =
    (pool.lent !== used + kept && `${pool.lent} lent, but ${used} used and ${kept} kept`) ||
    (acquires !== releases + used && `${acquires} acquires, ${releases} releases, ${used} used`) ||
    (total !== idle + used + connecting && `${total} in all, ${idle} idle, ${used} used, ${connecting} being made`) ||
    (idle < kept && `${idle} idle, but ${kept} kept`) ||
    (warmed > kept && `${kept} kept, but ${warmed} kept ready`) ||
    (waitTime.count !== acquires && `${acquires} acquires, but ${waitTime.count} waits`) ||
    (useTime.count !== releases && `${releases} releases, but ${useTime.count} uses`) ||
    (Math.abs(waitedMs - acquireTimeMs) > 0.001 && `${acquireTimeMs} ms of acquires, but ${waitedMs} ms of waits`) ||
    (connectionsAdded !== connectionsRemoved + total && `${connectionsAdded} added, ${connectionsRemoved} removed`) ||
    (total !== pool.live.size && `${pool.live.size} sockets, but ${total} in the metrics`) ||
    (working.length > max && `${working.length} connections, but at most ${max} are allowed`)
  if (wrong !== false) world.violated('I3', `${pool.hostId}: ${wrong}`)
}
