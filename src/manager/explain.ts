import { poolerAdvice } from '../driver/pooler-advice.ts'
import type { HostState } from '../errors.ts'
import type { AnsweringHost, HostDescription, Lack } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'
import { isWritable } from '../topology/lag.ts'
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
export function describeState(host: HostDescription, topology: Topology): string {
  switch (host.kind) {
    case 'unknown':
      return 'has not answered yet'
    case 'unreachable':
      return `is unreachable (${withAdvice(host.cause)})`
    case 'not-ready':
      return `is starting, recovering or shutting down (${host.cause.message})`
    case 'rejected':
      return `refuses the connection: ${host.cause.message}. Check user, password, database and TLS settings`
    case 'stale-master':
      return `is a stale master: it is on timeline ${host.answer.timeline ?? '?'}, but ${topology.fencing.highestTimeline} has been seen`
    case 'rival-master':
      return 'accepts writes on the same timeline as another host (split brain)'
    case 'duplicate-master':
      return 'is the same server as another host of the DSN'
    case 'foreign-cluster':
      return `belongs to another cluster (system identifier ${host.answer.systemId ?? '?'})`
    case 'read-only-master':
      return 'is a master with default_transaction_read_only on'
    case 'master':
    case 'replica':
      return `is ${host.kind === 'master' ? 'the master' : 'a replica'}${hidden(host)}${doubt(host)}`
  }
}

function why(host: HostDescription, topology: Topology, target: Target, nowMs: number): string {
  const stale = stalenessOf(host, topology, target, nowMs)
  const state = `${describeState(host, topology)}${stale === undefined ? '' : ` ${stale}`}`
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

function doubt(host: HostDescription): string {
  if (!isAnswering(host) || host.suspicion === undefined) return ''
  return `, but is being checked again (${host.suspicion.cause.message})`
}

function stateOf(host: HostDescription): string {
  return isAnswering(host) && host.suspicion !== undefined ? `suspect ${host.kind}` : host.kind
}

function since(host: HostDescription, nowMs: number): string {
  if (host.kind === 'master' || host.kind === 'replica' || host.kind === 'unknown') return ''
  return ` for ${((nowMs - host.sinceMs) / 1_000).toFixed(1)} s`
}
