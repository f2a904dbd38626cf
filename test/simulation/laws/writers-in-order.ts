import type { Call } from '../call.ts'
import type { FakePool } from '../../support/fake/fake-pool.ts'
import type { World } from '../world.ts'

/**
 * I4, across hosts and failovers: there is one master, so those who want it are served in the order of their calls,
 * whether they waited for a host or for its pool. When one gets a connection, all who called before and still wait are
 * promised one: there are no more of them than checkouts under way. A call that a host refused in the meantime goes its
 * own way, with its own pauses.
 */
export function checkWriters(world: World): void {
  const pools = new Map<string, FakePool>(world.db.pools.map((pool) => [pool.hostId, pool]))
  let waiting: Call[] = []
  let sent: Set<Call> = new Set()
  world.announcer.on('called', (call) => {
    if (call.wanted === 'master' && !call.isSettled) waiting.push(call)
  })
  world.announcer.on('connectFailed', () => {
    sent = new Set(waiting)
  })
  world.announcer.on('granted', (call, { hostId }) => {
    if (call.wanted !== 'master') return
    const place = waiting.indexOf(call)
    const before = waiting.slice(0, place).filter((each) => !each.isSettled && !sent.has(each))
    const underWay = pools.get(hostId)?.pending ?? 0
    if (place >= 0 && !sent.has(call) && before.length > underWay) {
      const names = before.map(({ id }) => id).join(', ')
      world.violated('I4', `call ${call.id} got the master before ${names}, of which ${underWay} are under way`)
    }
    waiting = waiting.filter((each) => !each.isSettled)
  })
}
