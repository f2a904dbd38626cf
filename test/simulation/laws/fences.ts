import { isAnswering } from '../../../src/topology/host-description.ts'
import type { World } from '../world.ts'

/**
 * A fence has a witness, and ends (law 10).
 *
 * No host is fenced by what cannot be: one that is known as a stale master is below a timeline on which somebody who can be believed was
 * seen writable. And no claim outlives the answer that ends it: when its witness has answered in recovery, and shows a receiver on a lower
 * timeline, the claim is gone at the end of that step, with no timer and no restart. That a short mistake ends, too, and that everything
 * comes right at last, is I11.
 */
export function checkFences(world: World): void {
  world.announcer.on('snapshot', (_before, { hosts, fencing }) => {
    for (const host of hosts.values()) {
      // One that names no cluster, beside others that do, is out in any case.
      const isNamed = isAnswering(host) && host.answer.systemId !== undefined
      if (host.kind === 'stale-master' && isNamed && !world.knowledge.wasEverAbove(host.hostId)) {
        world.violated('law 10', `${host.hostId} is fenced, but nobody who can be believed was writable above it`)
      }
    }
    for (const { hostId, timeline, systemId } of fencing.claims) {
      const witness = hosts.get(hostId)
      if (witness === undefined || !isAnswering(witness) || witness.suspicion !== undefined) continue
      // Another server behind the same name says nothing of it.
      if (!world.knowledge.isOfWitness(hostId, timeline)) continue
      const { answer } = witness
      const isBelow =
        (answer.receivedTimeline ?? Infinity) < timeline && (answer.reachedTimeline ?? Infinity) < timeline
      if (answer.inRecovery && answer.systemId === systemId && isBelow && typeof answer.receiver === 'number') {
        world.violated(
          'law 10',
          `${hostId} receives timeline ${answer.receivedTimeline ?? '?'}, but its claim on ${timeline} holds`,
        )
      }
    }
  })
}
