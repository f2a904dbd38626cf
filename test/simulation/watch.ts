import type { DriverWatch } from '../support/fake/driver-watch.ts'
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
    probeOpened: (probe) => worldOf().announcer.tell('probeOpened', probe),
    probeAsked: (probe, statement) => worldOf().announcer.tell('probeAsked', probe, statement),
    probeAnswered: (probe, statement, row) => {
      const world = worldOf()
      world.knowledge.answered(probe, statement, row)
      world.note(() => `${probe.server.hostId} probe answered ${row.join(' ')}`)
      world.announcer.tell('probeAnswered', probe, statement, row)
    },
    probeDropped: (probe) => {
      const world = worldOf()
      world.note(() => `${probe.server.hostId} probe connection dropped${probe.isAsking ? ' while it was asked' : ''}`)
      world.announcer.tell('probeDropped', probe)
    },
  }
}
