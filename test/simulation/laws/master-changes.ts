import type { Topology } from '../../../src/topology/topology.ts'
import type { World } from '../world.ts'

/**
 * One `masterChange` for each change of master: never two for one, never one for none, each with the next epoch, and
 * from the master that the one before led to. At the end of each step all changes of the snapshots have been told.
 */
export function checkMasterChanges(world: World): void {
  let told = 0
  let master: string | undefined
  world.db.on('masterChange', ({ before, after, epoch }) => {
    told += 1
    if (epoch !== told) world.violated('law 1', `masterChange number ${told} has epoch ${epoch}`)
    if (before !== master || after === before) {
      world.violated('law 1', `masterChange from ${before ?? '-'} to ${after}, but ${master ?? '-'} was the master`)
    }
    master = after
  })
  world.announcer.on('snapshot', (_before: Topology, { fencing }) => {
    if (fencing.epoch !== told) world.violated('law 1', `epoch ${fencing.epoch}, but ${told} masterChange events`)
    if (fencing.incumbent !== master) world.violated('law 1', `${fencing.incumbent ?? '-'} became master unannounced`)
  })
}
