import type { DriverWatch } from '../support/fake/driver-watch.ts'
import type { FakeProbe } from '../support/fake/fake-probe.ts'
import type { World } from './world.ts'

/** Passes what the fake driver sees on to the laws. The world is made after the driver, so it is asked for late. */
export function watchDriver(worldOf: () => World): DriverWatch {
  return {
    misused: (text) => worldOf().violated('the driver contract', text),
    poolTouched: (pool) => worldOf().announcer.tell('poolTouched', pool),
    born: (connection) => worldOf().announcer.tell('born', connection),
    fault: (connection, error, report) => {
      const world = worldOf()
      const before = world.topology
      report()
      world.note(() => `${connection.pool.hostId} #${connection.native.id} ${error.message}`)
      world.announcer.tell('fault', connection, error, before, world.topology)
    },
    hinted: (hostId, report) => {
      const world = worldOf()
      const before = world.topology
      report()
      world.announcer.tell('hinted', hostId, before, world.topology)
    },
    arrived: (connection, atMs) => worldOf().announcer.tell('arrived', connection, atMs),
    givenBack: (connection, destroy) => {
      const world = worldOf()
      world.note(() => `${connection.pool.hostId} #${connection.native.id} given back${destroy ? ', destroyed' : ''}`)
      world.announcer.tell('givenBack', connection, destroy)
    },
    connectFailed: (pool, error) => {
      const world = worldOf()
      world.note(() => `${pool.hostId} no connection: ${error.message}`)
      world.announcer.tell('connectFailed', pool)
    },
    probeOpened: (probe) => {
      const world = worldOf()
      world.probes.opened(probe)
      world.announcer.tell('probeOpened', probe)
    },
    probeAsked: (probe, statement) => {
      const world = worldOf()
      world.knowledge.asked(probe)
      world.announcer.tell('probeAsked', probe, statement)
    },
    probeAnswered: (probe, statement, row) => {
      const world = worldOf()
      world.knowledge.answered(probe, statement, row)
      world.probes.answered(probe, statement)
      world.note(() => `${nameOf(probe)} probe answered ${row.join(' ')}`)
      world.announcer.tell('probeAnswered', probe, statement, row)
    },
    probeDropped: (probe) => {
      const world = worldOf()
      world.note(() => `${nameOf(probe)} probe connection dropped${probe.isAsking ? ' while it was asked' : ''}`)
      world.probes.dropped(probe)
      world.announcer.tell('probeDropped', probe)
    },
  }
}

/** The host, and the server that the connection leads to where that is another name. */
function nameOf({ hostId, server }: FakeProbe): string {
  return hostId === server.hostId ? hostId : `${hostId} (${server.hostId})`
}
