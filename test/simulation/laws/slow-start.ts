import { FIRST_SHARE, SLOW_START_MS } from '../../../src/manager/host-candidate.ts'
import { isAnswering } from '../../../src/topology/host-description.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import type { World } from '../world.ts'

/** Rounding. */
const SLACK = 1e-6

/** A host that has been away is shown to the policy at a tenth of its weight, and at the whole of it after ten seconds. */
export function checkSlowStart(world: World): void {
  const isAway = new Set<string>()
  const returnedAtMs = new Map<string, number>()
  const look = ({ hosts }: Topology): void => {
    for (const host of hosts.values()) {
      if (!isAnswering(host)) {
        if (host.kind !== 'unknown') isAway.add(host.hostId)
      } else if (isAway.delete(host.hostId)) returnedAtMs.set(host.hostId, host.seenAtMs)
    }
  }
  world.announcer.on('changed', look)
  world.announcer.on('picking', (candidates) => {
    for (const { hostId, weight } of candidates) {
      const returnedMs = returnedAtMs.get(hostId)
      if (returnedMs === undefined) continue
      const age = Math.min(1, (world.loop.nowMs() - returnedMs) / SLOW_START_MS)
      const most = FIRST_SHARE + (1 - FIRST_SHARE) * age
      if (weight > most + SLACK) {
        world.violated(
          'slow start',
          `${hostId} counts ${weight.toFixed(2)}, ${(age * 10).toFixed(1)} s after it came back`,
        )
      }
    }
  })
}
