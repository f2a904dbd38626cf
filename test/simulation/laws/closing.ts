import type { Workload } from '../workload.ts'
import type { World } from '../world.ts'

/**
 * I6: when `close` has resolved there is no timer, no socket, no abort listener and no pending promise of ours; closing
 * again is the same promise; and nothing is announced any more.
 */
export function checkClosed(world: World, workload: Workload): void {
  world.announcer.on('closed', () => {
    const { db, loop, cluster } = world
    const sockets = cluster.servers.filter(({ openSockets }) => openSockets > 0)
    const left =
      (!db.closed && 'closed is false') ||
      (db.close() !== db.terminate() && 'closing again is another promise') ||
      (loop.openTimers > 0 && `${loop.openTimers} timers are left`) ||
      (sockets.length > 0 && `sockets are left to ${sockets.map(({ hostId }) => hostId).join(', ')}`) ||
      (workload.abortListeners > 0 && `${workload.abortListeners} abort listeners are left`) ||
      (workload.openCalls > 0 && `${workload.openCalls} calls have not settled`) ||
      (workload.waits.size > 0 && `${[...workload.waits].join(', ')} never settled`)
    if (left !== false) world.violated('I6', left)
    world.announcer.on('snapshot', () => world.violated('I6', 'the topology changed after close'))
    world.announcer.on('changed', () => world.violated('I6', 'an event after close'))
  })
}
