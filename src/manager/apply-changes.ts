import type { HostId } from '../dsn/host-spec.ts'
import { HasqlError } from '../errors.ts'
import type { Dismissal } from '../topology/claims.ts'
import { serverFenceOf } from '../topology/fencing.ts'
import type { AnsweringHost, HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { TopologyChange } from '../topology/diff.ts'
import type { Topology } from '../topology/topology.ts'
import type { DismissedClaim, Emitter, ManagerEvents } from './events.ts'
import { describeFence, describeState } from './explain.ts'

/** What changes of the topology act on. */
export interface ChangeTargets {
  clearPool(hostId: HostId, generation: number, interrupt: boolean, cause: Error): void
  /** Whoever waits for a connection of this host chooses again. */
  sendOn(hostId: HostId): void
  /** The load of others is coming to this host. */
  recover(hostId: HostId): void
  /** No master is known any more: look everywhere. */
  searchMaster(): void
}

/** The effects of a change, in one place; a new kind of change is a compile error here. */
export function applyChange(change: TopologyChange, topology: Topology, targets: ChangeTargets): void {
  switch (change.kind) {
    case 'connections-void': {
      const { host, generation, interrupt } = change
      return targets.clearPool(host.hostId, generation, interrupt, voidCause(host, topology))
    }
    case 'master-lost':
      return targets.searchMaster()
    // Connections survive a promotion, but those who wait for one chose the host for what it was (law 7).
    case 'host-changed':
      if (isBack(change.before, change.after)) targets.recover(change.after.hostId)
      return targets.sendOn(change.after.hostId)
    case 'host-suspected':
    case 'replica-detached':
      return targets.sendOn(change.host.hostId)
    case 'master-changed':
      return change.before === undefined ? undefined : targets.recover(change.after)
    case 'master-accepted':
    case 'master-found':
    case 'replica-follows':
      return
  }
}

function isBack(before: HostDescription, after: HostDescription): boolean {
  return before.kind !== 'unknown' && !isAnswering(before) && isAnswering(after)
}

/** Tells the listeners; after the effects, so that what they ask is answered by the new snapshot. */
export function emitChange<C>(change: TopologyChange, topology: Topology, emitter: Emitter<ManagerEvents<C>>): void {
  switch (change.kind) {
    case 'host-changed':
      return emitHostChange(change.before, change.after, topology, emitter)
    case 'master-changed': {
      const { before, after, epoch } = change
      return emitter.emit('masterChange', { before, after, epoch })
    }
    case 'replica-detached': {
      const { hostId } = change.host
      const why = describeState(change.host, topology, change.host.sinceMs)
      return emitter.emit('replicaDetached', { host: hostId, reason: change.detached.reason, why })
    }
    case 'replica-follows':
      return emitter.emit('replicaFollows', { host: change.host.hostId })
    case 'master-accepted': {
      const { hostId: host, dismissed } = change.accepted
      return emitter.emit('masterAccepted', { host, dismissed: dismissed.map(wordDismissal) })
    }
    case 'connections-void':
    case 'host-suspected':
    case 'master-lost':
    case 'master-found':
      return
  }
}

function emitHostChange<C>(
  before: HostDescription,
  after: HostDescription,
  topology: Topology,
  emitter: Emitter<ManagerEvents<C>>,
): void {
  const host = after.hostId
  if (!isAnswering(after)) {
    if (after.kind !== 'unknown') emitter.emit('hostDown', { host, state: after, cause: after.cause })
    return
  }
  if (isAnswering(before)) emitter.emit('roleChange', { host, before, after })
  else emitter.emit('hostUp', { host, state: after })
  if (after.kind === 'stale-master') {
    emitter.emit('staleMaster', staleRecord(after, topology))
  } else if (after.kind === 'rival-master') {
    emitter.emit('splitBrain', { host, master: masterOf(topology) })
  } else if (after.kind === 'foreign-cluster') {
    emitter.emit('foreignCluster', { host, systemId: after.answer.systemId })
  }
}

function staleRecord(after: AnsweringHost, topology: Topology): ManagerEvents<unknown>['staleMaster'] {
  const { hostId: host, answer, sinceMs } = after
  const { highestTimeline } = topology.fencing
  const fence = serverFenceOf(after, topology.hosts, topology.fencing)
  const witness = fence?.kind === 'claimed' ? fence.claim.hostId : undefined
  return { host, timeline: answer.timeline, highestTimeline, witness, why: describeFence(after, topology, sinceMs) }
}

function wordDismissal({ hostId, timeline }: Dismissal): DismissedClaim {
  return { host: hostId, timeline }
}

function masterOf(topology: Topology): HostId | undefined {
  return [...topology.hosts.values()].find(({ kind }) => kind === 'master')?.hostId
}

function voidCause(host: HostDescription, topology: Topology): Error {
  const options = 'cause' in host ? { cause: host.cause } : {}
  return new HasqlError(
    'ERR_HASQL_CONNECTION_VOID',
    `${host.hostId} ${describeState(host, topology, host.sinceMs)}`,
    options,
  )
}
