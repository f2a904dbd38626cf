import type { Topology } from '../../../src/topology/topology.ts'
import type { World } from '../world.ts'

/**
 * I2: every snapshot has at most one master, the incumbent of its epoch; the epoch grows by exactly one with each change
 * of incumbent and never otherwise.
 */
export function checkWriteTarget(world: World): void {
  let incumbent: string | undefined
  let epoch = 0
  const look = ({ hosts, fencing }: Topology): void => {
    const masters = [...hosts.values()].filter(({ kind }) => kind === 'master')
    const others = masters.filter(({ hostId }) => hostId !== fencing.incumbent)
    if (masters.length > 1 || others.length > 0) {
      world.violated(
        'I2',
        `masters ${masters.map(({ hostId }) => hostId).join()}, incumbent ${fencing.incumbent ?? '-'}`,
      )
    }
    const step = fencing.incumbent === incumbent ? 0 : 1
    if (fencing.epoch !== epoch + step) world.violated('I2', `epoch ${fencing.epoch} after ${epoch}`)
    incumbent = fencing.incumbent
    epoch = fencing.epoch
  }
  world.announcer.on('changed', look)
  world.announcer.on('snapshot', (_before, after) => look(after))
}
