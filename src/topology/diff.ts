import type { HostId } from '../dsn/host-spec.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import type { AcceptedMaster, Fencing } from './fencing.ts'
import type { AnsweringHost, Detachment, HostDescription } from './host-description.ts'
import { detachmentOf, isAnswering, isTrusted } from './host-description.ts'
import { isLeftBehind } from './left-behind.ts'
import type { Topology } from './topology.ts'
import { masters } from './topology.ts'

/** One thing that changed between two snapshots. Effects and events are made from these, in one place. */
export type TopologyChange =
  | { readonly kind: 'host-changed'; readonly before: HostDescription; readonly after: HostDescription }
  | { readonly kind: 'host-suspected'; readonly host: AnsweringHost }
  /** It is not known to follow the master any more, or it is again. */
  | { readonly kind: 'replica-detached'; readonly host: AnsweringHost; readonly detached: Detachment }
  | { readonly kind: 'replica-follows'; readonly host: AnsweringHost; readonly before: Detachment }
  | {
      /** Connections older than `generation` are of no use; `interrupt` says that those in use must not go on either. */
      readonly kind: 'connections-void'
      readonly host: HostDescription
      readonly generation: number
      readonly interrupt: boolean
    }
  | {
      readonly kind: 'master-changed'
      readonly before: HostId | undefined
      readonly after: HostId
      readonly epoch: number
    }
  | { readonly kind: 'master-accepted'; readonly accepted: AcceptedMaster }
  | { readonly kind: 'master-lost'; readonly sinceMs: Milliseconds }
  | { readonly kind: 'master-found'; readonly outageMs: number }

/** What changed from `before` to `after`, in the order in which it must take effect. */
export function diffTopology(before: Topology, after: Topology): readonly TopologyChange[] {
  if (before === after) return []
  const changes: TopologyChange[] = []
  for (const [hostId, host] of after.hosts) {
    const old = before.hosts.get(hostId)
    if (old !== undefined && old !== host) changes.push(...diffHost(old, host, after.fencing))
  }
  const { incumbent, epoch, accepted } = after.fencing
  if (accepted !== undefined && accepted.dismissed !== before.fencing.accepted?.dismissed)
    changes.push({ kind: 'master-accepted', accepted })
  if (incumbent !== undefined && incumbent !== before.fencing.incumbent) {
    changes.push({ kind: 'master-changed', before: before.fencing.incumbent, after: incumbent, epoch })
  }
  changes.push(...diffMasterless(before, after))
  return changes
}

function* diffHost(before: HostDescription, after: HostDescription, fencing: Fencing): Generator<TopologyChange> {
  if (after.generation !== before.generation) {
    yield { kind: 'connections-void', host: after, generation: after.generation, interrupt: mustStop(after, fencing) }
  }
  if (before.kind !== after.kind) yield { kind: 'host-changed', before, after }
  if (isAnswering(after) && doubtOf(after) > doubtOf(before)) {
    yield { kind: 'host-suspected', host: after }
  }
  yield* diffFollowing(before, after)
}

function* diffFollowing(before: HostDescription, after: HostDescription): Generator<TopologyChange> {
  if (after.kind !== 'replica') return
  const [known, detached] = [detachmentOf(before), detachmentOf(after)]
  if (known?.reason === detached?.reason) return
  if (detached !== undefined) yield { kind: 'replica-detached', host: after, detached }
  else if (known !== undefined) yield { kind: 'replica-follows', host: after, before: known }
}

function* diffMasterless(before: Topology, after: Topology): Generator<TopologyChange> {
  if (before.masterlessSinceMs === undefined && after.masterlessSinceMs !== undefined) {
    yield { kind: 'master-lost', sinceMs: after.masterlessSinceMs }
  }
  if (before.masterlessSinceMs !== undefined && after.masterlessSinceMs === undefined) {
    // Its answer made it the master now, or, if it had answered before, that of another host did.
    const foundMs = Math.max(...masters(after).flatMap(({ seenAtMs, sinceMs }) => [seenAtMs, sinceMs]))
    yield { kind: 'master-found', outageMs: foundMs - before.masterlessSinceMs }
  }
}

/** Whoever waits for a connection chooses again when a host becomes the last choice, and when it becomes none. */
function doubtOf(host: HostDescription): 0 | 1 | 2 {
  if (!isAnswering(host) || host.suspicion === undefined) return 0
  return isTrusted(host) ? 1 : 2
}

/** On a host that is gone a query would hang; on a fenced one a write would be lost. */
function mustStop(host: HostDescription, fencing: Fencing): boolean {
  if (isLeftBehind(host, fencing)) return true
  return host.kind === 'unreachable' || host.kind === 'stale-master' || host.kind === 'foreign-cluster'
}
