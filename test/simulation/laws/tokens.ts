import type { World } from '../world.ts'

/**
 * I12: a read after a token sees the write: by what the model server that served it had replayed of the history it is in.
 * Where two were promoted to one timeline, which nobody can tell apart, nothing is promised any more. Neither is it where one name stands for
 * several servers: a check knows what one of them has, and a lease may lead to another.
 */
export function checkTokens(world: World): void {
  world.announcer.on('looked', ({ id, after }, hostId, sees) => {
    world.tokens[world.hostNamed(hostId)?.kind === 'replica' ? 'onReplica' : 'onMaster'] += 1
    if (sees || world.cluster.hasTwins || world.scenario.endpoints !== 'none') return
    world.violated('I12', `call ${id} was to see write ${after ?? '?'}, but ${hostId} does not have it`)
  })
  world.announcer.on('rejected', ({ after }, error) => {
    if (after === undefined || !(error instanceof Error)) return
    if (error.name === 'TokenUnreachableError') world.tokens.refused += 1
  })
}
