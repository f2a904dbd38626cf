import type { HostDescription } from './host-description.ts'
import { isAnswering } from './host-description.ts'
import type { Fencing } from './topology.ts'

/**
 * Whether a host that lets nobody in (it refuses us, or is not ready) was a master when it last answered, on a timeline that
 * has been left behind since. No probe can tell what it is now, but the connections that still work there lead to a stale
 * master for all we know, and must not go on (law 10).
 */
export function isLeftBehind(host: HostDescription | undefined, { systemId, highestTimeline }: Fencing): boolean {
  if (host === undefined || host.kind === 'unknown' || isAnswering(host) || host.kind === 'unreachable') return false
  const said = host.lastAnswer
  if (said === undefined || said.inRecovery || said.timeline === undefined) return false
  const isOfCluster = said.systemId === undefined || said.systemId === systemId
  return isOfCluster && said.timeline < highestTimeline
}
