import type { HostDescription } from '../../../src/topology/host-description.ts'
import type { FakeConnection } from '../../support/fake/fake-connection.ts'
import type { FakePool } from '../../support/fake/fake-pool.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import type { World } from '../world.ts'

/**
 * Law 2 and the generation rule: in the very turn in which a host's connections become void, those that are idle or
 * still connecting are destroyed; on a host that is unreachable, stale or foreign, those in use too, so that no holder
 * can send a write there. A void connection, and one whose server raised a fault, never goes back into its pool.
 */
export function checkVoidConnections(world: World): void {
  const bornIn = new WeakMap<FakeConnection, number>()
  const doomed = new WeakSet<FakeConnection>()
  const hostOf = ({ hostId }: FakePool): HostDescription | undefined =>
    [...world.topology.hosts.values()].find((host) => host.hostId === hostId)
  world.announcer.on('born', (connection) => bornIn.set(connection, hostOf(connection.pool)?.generation ?? 0))
  world.announcer.on('fault', (connection, error) => {
    // A question that our user may not ask says nothing about the connection.
    if (!('code' in error && error.code === '42501')) doomed.add(connection)
  })
  world.announcer.on('givenBack', (connection, destroy) => {
    const isVoid = (bornIn.get(connection) ?? 0) < (hostOf(connection.pool)?.generation ?? 0)
    if (destroy || !(isVoid || doomed.has(connection))) return
    const why = isVoid ? 'void' : 'faulty'
    world.violated('I8', `${connection.pool.hostId} #${connection.native.id} is ${why}, but went back into its pool`)
  })
  const look = (topology: Topology): void => {
    for (const pool of world.db.pools) {
      const host = [...topology.hosts.values()].find(({ hostId }) => hostId === pool.hostId)
      if (host !== undefined && host.generation > 0) lookAt(world, pool, host, bornIn)
    }
  }
  world.announcer.on('changed', look)
  world.announcer.on('snapshot', (_before, after) => look(after))
}

function lookAt(
  world: World,
  pool: FakePool,
  { kind, generation }: HostDescription,
  bornIn: WeakMap<FakeConnection, number>,
): void {
  const isFenced = kind === 'unreachable' || kind === 'stale-master' || kind === 'foreign-cluster'
  for (const connection of pool.live) {
    const { socket, native, checkedOut } = connection
    if ((bornIn.get(connection) ?? 0) === generation || socket.isClosed || socket.isEnding) continue
    if (checkedOut && !isFenced) continue
    const use = checkedOut ? 'leased' : 'idle'
    world.violated('law 2', `${pool.hostId} is ${kind}, but its ${use} connection #${native.id} is open and void`)
  }
}
