import { isAnswering } from '../../../src/topology/host-description.ts'
import type { FakeConnection } from '../../support/fake/fake-connection.ts'
import type { World } from '../world.ts'

/**
 * Law 11: a pushed setting, true or not, changes nothing by itself: the very same snapshot is left, and the host is
 * probed. A write that is refused as read-only on the known master puts it under suspicion in the same turn, so that no
 * write is leased before the next probe has answered.
 */
export function checkRoleSigns(world: World): void {
  const hinted = new Map<string, number>()
  world.announcer.on('hinted', (hostId, before, after) => {
    if (before !== after) world.violated('law 11', `a pushed setting of ${hostId} changed the topology`)
    if (!world.isClosing && !hinted.has(hostId)) hinted.set(hostId, world.loop.nowMs())
  })
  world.announcer.on('probeAsked', ({ hostId }) => hinted.delete(hostId))
  world.announcer.on('step', () => {
    if (hinted.size === 0 || !world.loop.isSettled) return
    for (const [hostId, sinceMs] of hinted) {
      const isExempt = world.isClosing || world.lastStallMs > sinceMs || world.hostNamed(hostId)?.kind === 'rejected'
      if (isExempt) hinted.delete(hostId)
      else if (world.loop.nowMs() > sinceMs + mostMs(world)) {
        world.violated('law 11', `${hostId} pushed a setting, but was not probed`)
      }
    }
  })
  checkRefusedWrites(world)
}

/** A probe that is under way may take its whole time first. */
function mostMs({ scenario: { options } }: World): number {
  return options.refreshTimeoutMs + options.connectTimeoutMs + 50
}

function checkRefusedWrites(world: World): void {
  const bornIn = new WeakMap<FakeConnection, number>()
  world.announcer.on('born', (connection) => {
    bornIn.set(connection, world.hostNamed(connection.pool.hostId)?.generation ?? 0)
  })
  world.announcer.on('fault', (connection, error, before, after) => {
    if (!('code' in error) || error.code !== '25006') return
    const { hostId } = connection.pool
    const was = [...before.hosts.values()].find((host) => host.hostId === hostId)
    if (was?.kind !== 'master' || (bornIn.get(connection) ?? 0) < was.generation) return
    const is = [...after.hosts.values()].find((host) => host.hostId === hostId)
    if (is === undefined || !isAnswering(is) || is.suspicion !== undefined) return
    world.violated('law 11', `${hostId} refused a write as read-only, but is still trusted as the master`)
  })
}
