import type { Fencing } from './fencing.ts'
import { fenceOf } from './fencing.ts'
import type { HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'

/**
 * Whether a host that lets nobody in (it refuses us, or is not ready) was a master when it last answered, and is fenced since. No probe
 * can tell what it is now, but the connections that still work there lead to a stale master for all we know, and must not go on (law 10).
 */
export function isLeftBehind(host: HostDescription | undefined, fencing: Fencing): boolean {
  if (host === undefined || host.kind === 'unknown' || isAnswering(host) || host.kind === 'unreachable') return false
  const said = host.lastAnswer
  const isOfCluster = said?.systemId === undefined || said.systemId === fencing.systemId
  return isOfCluster && fenceOf(host.hostId, said, fencing) !== undefined
}
