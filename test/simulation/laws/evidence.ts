import { isAnswering } from '../../../src/topology/host-description.ts'
import type { HostDescription } from '../../../src/topology/host-description.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { FakeConnection } from '../../support/fake/fake-connection.ts'
import type { World } from '../world.ts'

/**
 * I8: old news changes nothing (law 3).
 *
 * A fault on a connection that was made before its host's current generation leaves the very same snapshot. The probe
 * number and the generation of a host never go back, and neither does the revision. A doubt ends only by the answer to a question that was asked after the doubt arose.
 */
export function checkEvidence(world: World): void {
  const bornIn = new WeakMap<FakeConnection, number>()
  const hostOf = (hostId: string): HostDescription | undefined =>
    [...world.topology.hosts.values()].find((host) => host.hostId === hostId)
  world.announcer.on('born', (connection) => {
    bornIn.set(connection, hostOf(connection.pool.hostId)?.generation ?? 0)
  })
  world.announcer.on('fault', (connection, error, before, after) => {
    const { hostId } = connection.pool
    const current = [...before.hosts.values()].find((host) => host.hostId === hostId)?.generation ?? 0
    if ((bornIn.get(connection) ?? 0) < current && before !== after) {
      world.violated('I8', `${error.message} on a void connection of ${hostId} changed the topology`)
    }
  })
  world.announcer.on('snapshot', (before, after) => {
    if (after.revision <= before.revision) world.violated('I8', 'the revision went back')
    for (const host of after.hosts.values()) {
      const old = before.hosts.get(host.hostId)
      if (old === undefined || old === host) continue
      if (host.probe < old.probe || host.generation < old.generation) world.violated('I8', `${host.hostId} went back`)
    }
  })
  checkDoubts(world)
}

/** The last part: when a doubt is gone, the question answered last was asked after it arose. */
function checkDoubts(world: World): void {
  let order = 0
  const asked = new WeakMap<FakeProbe, number>()
  const answered = new Map<string, number>()
  const doubted = new Map<string, number>()
  const next = (): number => (order += 1)
  world.announcer.on('probeAsked', (probe) => asked.set(probe, next()))
  world.announcer.on('probeAnswered', (probe) => {
    answered.set(probe.hostId, Math.max(answered.get(probe.hostId) ?? 0, asked.get(probe) ?? 0))
  })
  world.announcer.on('fault', ({ pool: { hostId } }, _error, before, after) => {
    if (suspicionOf(hostId, before.hosts) !== suspicionOf(hostId, after.hosts)) doubted.set(hostId, next())
  })
  world.announcer.on('snapshot', (before, after) => {
    for (const host of after.hosts.values()) {
      const doubt = suspicionOf(host.hostId, after.hosts)
      if (doubt !== undefined && doubt !== suspicionOf(host.hostId, before.hosts) && !doubted.has(host.hostId)) {
        doubted.set(host.hostId, next())
      }
      const doubtedAt = doubted.get(host.hostId)
      if (doubtedAt === undefined || doubt !== undefined) continue
      doubted.delete(host.hostId)
      if (isAnswering(host) && (answered.get(host.hostId) ?? 0) < doubtedAt) {
        world.violated('I8', `the doubt about ${host.hostId} ended by an answer to an older question`)
      }
    }
  })
}

function suspicionOf(hostId: string, hosts: ReadonlyMap<string, HostDescription>): unknown {
  const host = hosts.get(hostId)
  return host !== undefined && isAnswering(host) ? host.suspicion : undefined
}
