import { isAnswering, isTrusted } from '../../../src/topology/host-description.ts'
import type { World } from '../world.ts'

/**
 * I1: no write lease on a host whose latest answered probe said recovery, or whose timeline is below a claim that holds;
 * and no lease of any kind on one that takes writes on such a timeline. Judged by what the model servers answered, beside the manager's own reducer.
 *
 * And, by the manager's own snapshot at that moment: a write lease only on the master, which is not under suspicion
 * (a suspected master gets no new leases until a probe answers, unless it is merely busy); a read lease only on a host in a role that was asked
 * for (law 7: role is a hard filter).
 */
export function checkLeases(world: World): void {
  world.announcer.on('granted', ({ id, wanted, mayBeMaster }, { hostId, topology, fenced, leftBehind }) => {
    const host = [...topology.hosts.values()].find((each) => each.hostId === hostId)
    const isMaster = host?.kind === 'master'
    const isReplica = host?.kind === 'replica' || host?.kind === 'read-only-master'
    const isSuspected = host !== undefined && isAnswering(host) && !isTrusted(host)
    const fits = wanted === 'replica' && isReplica
    const lease = `call ${id} for a ${wanted} was given ${hostId}`
    if (leftBehind !== undefined) world.violated('I1', `${lease}, but it is fenced: ${leftBehind}`)
    else if (wanted === 'master' && fenced !== undefined) world.violated('I1', `${lease}, but ${fenced}`)
    else if (fits || (isMaster && !isSuspected && (wanted === 'master' || mayBeMaster))) return
    else if (isMaster && isSuspected) world.violated('I1', `${lease}, a master under suspicion`)
    else world.violated('law 7', `${lease}, which is ${host?.kind ?? 'nothing'}`)
  })
}
