import { detachmentOf, isAnswering } from '../../../src/topology/host-description.ts'
import type { HostDescription } from '../../../src/topology/host-description.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import type { FakePool } from '../../support/fake/fake-pool.ts'
import type { Call } from '../call.ts'
import type { World } from '../world.ts'

/**
 * I4: those who wait in one host's queue are served first come, first served.
 *
 * A call is known to have joined a host's queue when the number of waiting grew with it. When it gets a connection of
 * that host, everybody who joined before and still waits must be on the way: there are no more of them than checkouts
 * under way in the driver's pool. A host that changed, or a connect that failed, sends callers on to choose again, so
 * the memory of its queue ends there. Who has a write token lets connections pass that are younger than the last answer.
 */
export function checkOrder(world: World): void {
  const queues = new Map<string, Call[]>()
  const states = new Map<string, string>()
  const pools = new Map<string, FakePool>(world.db.pools.map((pool) => [pool.hostId, pool]))
  let waitingBefore: ReadonlyMap<string, number> = new Map()

  world.announcer.on('calling', () => {
    const isBusy = world.db.pools.some(({ lent, pending, capacity }) => lent + pending >= capacity)
    waitingBefore = isBusy ? waiting(world) : new Map()
  })
  world.announcer.on('called', (call) => {
    if (waitingBefore.size === 0) return
    for (const [host, count] of waiting(world)) {
      if (count > (waitingBefore.get(host) ?? 0)) queues.set(host, [...(queues.get(host) ?? []), call])
    }
  })
  const look = ({ hosts }: Topology): void => {
    for (const [hostId, host] of hosts) {
      const state = stateOf(host)
      if (states.get(hostId) !== state) queues.delete(hostId)
      states.set(hostId, state)
    }
  }
  world.announcer.on('changed', look)
  world.announcer.on('snapshot', (_before, after) => look(after))
  world.announcer.on('connectFailed', ({ hostId }) => queues.delete(hostId))
  world.announcer.on('granted', (call, { hostId }) => {
    const calls = queues.get(hostId) ?? []
    const place = calls.indexOf(call)
    if (place < 0) return
    const before = calls.slice(0, place).filter(({ isSettled, after }) => !isSettled && after === undefined)
    const underWay = pools.get(hostId)?.pending ?? 0
    if (before.length > underWay) {
      const names = before.map(({ id }) => id).join(', ')
      world.violated(
        'I4',
        `call ${call.id} was served by ${hostId} before ${names}, of which ${underWay} are under way`,
      )
    }
    queues.set(hostId, [...before, ...calls.slice(place + 1)])
  })
}

function waiting(world: World): ReadonlyMap<string, number> {
  return new Map(world.db.metrics().drivers.map((each) => [each.host, each.waiting]))
}

function stateOf(host: HostDescription): string {
  const isDoubted = isAnswering(host) && host.suspicion !== undefined
  return `${host.kind} ${host.generation} ${isDoubted} ${detachmentOf(host)?.reason ?? ''}`
}
