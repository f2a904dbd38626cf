import type { HostState } from '../errors.ts'
import type { Claim } from '../topology/claims.ts'
import { fenceOf } from '../topology/fencing.ts'
import type { AnsweringHost, HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'
import { isWritable } from '../topology/lag.ts'
import type { Implausibility } from '../topology/plausible.ts'
import type { Topology } from '../topology/topology.ts'
import { wordStaleness } from '../selection/freshness.ts'
import type { Target } from '../selection/target.ts'

/** How each host stands, and why it does not serve the target. */
export function explainHosts(topology: Topology, target: Target, nowMs: number): readonly HostState[] {
  return [...topology.hosts.values()].map((host) =>
    Object.freeze({
      host: host.hostId,
      state: stateOf(host),
      why: `${why(host, topology, target, nowMs)}${since(host, nowMs)}`,
    }),
  )
}

/** The states of all hosts as one text: `db1:5432 is unreachable (connect ECONNREFUSED) for 3.2 s; …`. */
export function summarize(states: readonly HostState[]): string {
  return states.map(({ host, why: reason }) => `${host} ${reason}`).join('; ')
}

/** Whether every host refuses us by configuration, so that waiting is in vain. */
export function isAccessRefusedEverywhere(topology: Topology): boolean {
  return [...topology.hosts.values()].every((host) => host.kind === 'rejected')
}

/** Why a host is in use or out of it, whatever a caller may want of it. */
export function describeState(host: HostDescription, topology: Topology, nowMs: number): string {
  switch (host.kind) {
    case 'unknown':
      return 'has not answered yet'
    case 'unreachable':
      return `is unreachable (${host.cause.message})`
    case 'not-ready':
      return `is starting, recovering or shutting down (${host.cause.message})`
    case 'rejected':
      return `refuses the connection: ${host.cause.message}. Check user, password, database and TLS settings`
    case 'stale-master':
      return `is a stale master on timeline ${host.answer.timeline ?? '?'}; ${describeFence(host, topology, nowMs)}`
    case 'rival-master':
      if (host.implausible !== undefined)
        return `accepts writes, but ${DISBELIEF[host.implausible]}: it takes the role from nobody`
      return 'accepts writes on the same timeline as another host (split brain)'
    case 'duplicate-master':
      return 'is the same server as another host of the DSN'
    case 'foreign-cluster':
      return `belongs to another cluster (system identifier ${host.answer.systemId ?? '?'})`
    case 'read-only-master':
      return 'is a master with default_transaction_read_only on'
    case 'master':
    case 'replica':
      return `is ${host.kind === 'master' ? 'the master' : 'a replica'}${disbelief(host)}${doubt(host)}`
  }
}

const DISBELIEF: Readonly<Record<Implausibility, string>> = {
  'no-timeline': 'its timeline is none that PostgreSQL has',
  'far-timeline': 'its timeline is more than 1000 above all others',
  'no-system-identifier': 'it shows no system identifier, as other hosts do',
}

function disbelief({ implausible }: AnsweringHost): string {
  return implausible === undefined ? '' : `, though ${DISBELIEF[implausible]}`
}

/**
 * Why a stale master is fenced, by whom: `fenced: db2:5432, unreachable for 40 s, was last seen writable on timeline 26`. Empty for a
 * host that is not.
 */
export function describeFence(host: AnsweringHost, topology: Topology, nowMs: number): string {
  const fence = fenceOf(host.hostId, host.answer, topology.fencing)
  if (fence === undefined) return ''
  if (fence.kind === 'dismissed') {
    return `fenced: another host was accepted as master in its place, until it has been seen in recovery`
  }
  const { claim } = fence
  const witness = topology.hosts.get(claim.hostId)
  const isAt = witness !== undefined && isAnswering(witness) && !witness.answer.inRecovery
  if (isAt && witness.answer.timeline === claim.timeline)
    return `fenced: ${claim.hostId} is writable on timeline ${claim.timeline}`
  return `fenced: ${claim.hostId}, ${whereabouts(witness, claim, nowMs)}, was last seen writable on timeline ${claim.timeline}`
}

function whereabouts(witness: HostDescription | undefined, { recovery }: Claim, nowMs: number): string {
  if (witness === undefined) return 'which is not among the hosts any more'
  const sinceMs = witness.kind === 'replica' && recovery !== undefined ? recovery.firstMs : witness.sinceMs
  return `${WHEREABOUTS[witness.kind] ?? 'of another cluster or timeline'} for ${Math.round(Math.max(0, nowMs - sinceMs) / 1_000)} s`
}

const WHEREABOUTS: Readonly<Partial<Record<HostDescription['kind'], string>>> = {
  replica: 'in recovery',
  unreachable: 'unreachable',
  'not-ready': 'not ready',
  rejected: 'refusing us',
}

function why(host: HostDescription, topology: Topology, target: Target, nowMs: number): string {
  const stale = stalenessOf(host, topology, target, nowMs)
  const state = `${describeState(host, topology, nowMs)}${stale === undefined ? '' : ` ${stale}`}`
  const wantsReplica = target.role === 'replica' && !target.fallbackMaster
  return host.kind === 'master' && wantsReplica ? `${state} (fallbackMaster is off)` : state
}

function stalenessOf(host: HostDescription, topology: Topology, target: Target, nowMs: number): string | undefined {
  if (target.freshness === undefined || !isAnswering(host)) return undefined
  return host.kind === 'replica' || isWritable(host)
    ? wordStaleness(host, topology, target.freshness, nowMs)
    : undefined
}

function doubt(host: HostDescription): string {
  if (!isAnswering(host) || host.suspicion === undefined) return ''
  return `, but is being checked again (${host.suspicion.cause.message})`
}

function stateOf(host: HostDescription): string {
  return isAnswering(host) && host.suspicion !== undefined ? `suspect ${host.kind}` : host.kind
}

function since(host: HostDescription, nowMs: number): string {
  // A fence says itself since when its witness is away.
  if (host.kind === 'master' || host.kind === 'replica' || host.kind === 'unknown') return ''
  if (host.kind === 'stale-master') return ''
  return ` for ${((nowMs - host.sinceMs) / 1_000).toFixed(1)} s`
}
