import { poolerAdvice } from '../driver/pooler-advice.ts'
import type { HostState } from '../errors.ts'
import type { Claim } from '../topology/claims.ts'
import { isAnotherServer } from '../topology/claims.ts'
import { serverFenceOf } from '../topology/fencing.ts'
import type { AnsweringHost, Detachment, HostDescription, Lack } from '../topology/host-description.ts'
import { detachmentOf, isAnswering } from '../topology/host-description.ts'
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
      why: why(host, topology, target, nowMs),
    }),
  )
}

/** The states of all hosts as one text: `db1:5432 is unreachable for 3.2 s (connect ECONNREFUSED …); …`. */
export function summarize(states: readonly HostState[]): string {
  return states.map(({ host, why: reason }) => `${host} ${reason}`).join('; ')
}

/** Whether every host refuses us by configuration, so that waiting is in vain. */
export function isAccessRefusedEverywhere(topology: Topology): boolean {
  return [...topology.hosts.values()].every((host) => host.kind === 'rejected')
}

/** Why a host is in use or out of it, whatever a caller may want of it; `isDated` also says for how long it has been out. */
export function describeState(host: HostDescription, topology: Topology, nowMs: number, isDated = false): string {
  const lasting = isDated ? wordDuration(nowMs - host.sinceMs) : ''
  switch (host.kind) {
    case 'unknown':
      return 'has not answered yet'
    case 'unreachable':
      return `is unreachable${lasting} (${withAdvice(host.cause)})`
    case 'not-ready':
      return `is starting, recovering or shutting down${lasting} (${host.cause.message})`
    case 'rejected':
      return `refuses the connection${lasting}: ${host.cause.message}. Check user, password, database and TLS settings`
    case 'stale-master':
      return `is a stale master on timeline ${host.answer.timeline ?? '?'}${lasting}; ${describeFence(host, topology, nowMs)}`
    case 'rival-master':
      if (host.implausible !== undefined)
        return `accepts writes${lasting}, but ${DISBELIEF[host.implausible]}: it takes the role from nobody`
      return `accepts writes on the same timeline as another host (split brain)${lasting}`
    case 'duplicate-master':
      return `is the same server as another host of the DSN${lasting}`
    case 'foreign-cluster':
      return `belongs to another cluster (system identifier ${host.answer.systemId ?? '?'})${lasting}`
    case 'read-only-master':
      return `is a master with default_transaction_read_only on${lasting}`
    case 'master':
      return `is the master${hidden(host)}${disbelief(host)}${doubt(host)}`
    case 'replica':
      return `is a replica${hidden(host)}${wordDetachment(detachmentOf(host))}${disbelief(host)}${doubt(host)}`
  }
}

/** Why a host that takes writes is not believed, as the end of a sentence. */
export const DISBELIEF: Readonly<Record<Implausibility, string>> = {
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
  const fence = serverFenceOf(host, topology.hosts, topology.fencing)
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

function whereabouts(witness: HostDescription | undefined, claim: Claim, nowMs: number): string {
  const { recovery } = claim
  if (witness === undefined) return 'which is not among the hosts any more'
  if (isAnswering(witness) && isAnotherServer(claim, witness.answer)) return 'which leads to another server now'
  const sinceMs = witness.kind === 'replica' && recovery !== undefined ? recovery.firstMs : witness.sinceMs
  return `${WHEREABOUTS[witness.kind] ?? 'of another cluster or timeline'}${wordSeconds(nowMs - sinceMs)}`
}

const WHEREABOUTS: Readonly<Partial<Record<HostDescription['kind'], string>>> = {
  replica: 'in recovery',
  unreachable: 'unreachable',
  'not-ready': 'not ready',
  rejected: 'refusing us',
}

function why(host: HostDescription, topology: Topology, target: Target, nowMs: number): string {
  const stale = stalenessOf(host, topology, target, nowMs)
  const state = `${describeState(host, topology, nowMs, true)}${stale === undefined ? '' : ` ${stale}`}`
  const wantsReplica = target.role === 'replica' && !target.fallbackMaster
  return host.kind === 'master' && wantsReplica ? `${state} (fallbackMaster is off)` : state
}

function stalenessOf(host: HostDescription, topology: Topology, target: Target, nowMs: number): string | undefined {
  if (target.freshness === undefined || !isAnswering(host)) return undefined
  return host.kind === 'replica' || isWritable(host)
    ? wordStaleness(host, topology, target.freshness, nowMs)
    : undefined
}

/** What an error says, and what can be done about it if that is known. */
export function withAdvice(error: Error): string {
  const advice = poolerAdvice(error)
  return advice === undefined ? error.message : `${error.message}. ${advice}`
}

const LACKS: Readonly<Record<Lack, string>> = {
  position: 'position',
  timeline: 'timeline',
  systemId: 'system identifier',
}

/** What a host does not show, in words; what is lost with it is in docs/freshness.md. */
export function hiddenOf(lacks: readonly Lack[]): string | undefined {
  if (lacks.length === 0) return undefined
  return `does not show its ${lacks.map((lack) => LACKS[lack]).join(', ')}`
}

function hidden({ lacks }: AnsweringHost): string {
  const text = hiddenOf(lacks)
  return text === undefined ? '' : ` (${text})`
}

/** Why a replica is not known to follow the master, as the end of `is a replica`. */
export function wordDetachment(detached: Detachment | undefined): string {
  if (detached === undefined) return ''
  const { reason, timeline, masterTimeline } = detached
  const above = `it is on timeline ${timeline ?? '?'}, above the master's ${masterTimeline}`
  switch (reason) {
    case 'timeline':
      return ` that has diverged: ${above}`
    case 'position':
      return ' that has diverged: it has replayed more than the master has written'
    case 'no-receiver': {
      const isAbove = timeline !== undefined && timeline > masterTimeline
      return ` that is not known to follow the master: it has no WAL receiver, and ${isAbove ? above : 'its replay stands still'}`
    }
  }
}

function doubt(host: HostDescription): string {
  if (!isAnswering(host) || host.suspicion === undefined) return ''
  if (host.suspicion.fault === 'busy') return `, too busy to answer its checks (${host.suspicion.cause.message})`
  if (host.suspicion.fault === 'path') return `, but its pool cannot connect (${host.suspicion.cause.message})`
  return `, but is being checked again (${host.suspicion.cause.message})`
}

function stateOf(host: HostDescription): string {
  return isAnswering(host) && host.suspicion !== undefined ? `suspect ${host.kind}` : host.kind
}

/** ` for 3.2 s`; nothing for what has only just begun. */
function wordDuration(durationMs: number): string {
  const seconds = (durationMs / 1_000).toFixed(1)
  return seconds === '0.0' ? '' : ` for ${seconds} s`
}

/** ` for 40 s`; nothing for less than one. */
function wordSeconds(durationMs: number): string {
  const seconds = Math.round(durationMs / 1_000)
  return seconds < 1 ? '' : ` for ${seconds} s`
}
