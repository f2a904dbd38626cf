import { hostIdOf } from '../../src/dsn/host-id.ts'
import type { HostId } from '../../src/dsn/host-spec.ts'
import type { HostFault } from '../../src/host-fault.ts'
import { ms } from '../../src/time/milliseconds.ts'
import type { HostDescription } from '../../src/topology/host-description.ts'
import type { HostObservation, RoleAnswer } from '../../src/topology/observation.ts'
import { reduceTopology } from '../../src/topology/reduce.ts'
import type { ReduceRules } from '../../src/topology/reduce.ts'
import type { Topology } from '../../src/topology/topology.ts'
import { initialTopology } from '../../src/topology/topology.ts'
import { nonEmpty } from './fake-host.ts'

/** The identity of a host named in a test. */
export const idOf = (name: string): HostId => hostIdOf(name, 5432)

/** What a test says of an answer; the rest is a writable server of cluster 7000 on timeline 1. */
export type AnswerOf = Partial<RoleAnswer>

export function answerOf(name: string, given: AnswerOf = {}): RoleAnswer {
  const reachedTimeline = given.inRecovery === true ? 1 : undefined
  const fixed = {
    reachedTimeline,
    receivedTimeline: undefined,
    receiver: undefined,
    serverAddress: undefined,
    lifeBeganMs: undefined,
    readOnlyDefault: false,
    lsn: 0x100n,
    systemId: '7000',
    incarnation: `${name} life 1`,
  }
  return Object.freeze({ inRecovery: false, timeline: given.inRecovery === true ? undefined : 1, ...fixed, ...given })
}

export const REPLICA: AnswerOf = { inRecovery: true }

/** Where an observation stands in time: `atMs`, the probe's number, and the generation of a pooled connection. */
export interface Place {
  readonly atMs?: number
  readonly probe?: number
  readonly generation?: number | undefined
  readonly roundTripMs?: number
}

export function answered(name: string, given: AnswerOf = {}, place: Place = {}): HostObservation {
  const { atMs = 0, probe = 1, generation, roundTripMs = 1 } = place
  const seen = { hostId: idOf(name), atMs: ms(atMs), evidence: { probe, generation }, roundTripMs: ms(roundTripMs) }
  return { kind: 'answered', ...seen, answer: answerOf(name, given) }
}

export function failed(name: string, fault: HostFault, place: Place = {}): HostObservation {
  const { atMs = 0, probe = 1, generation } = place
  const seen = { hostId: idOf(name), atMs: ms(atMs), evidence: { probe, generation } }
  return { kind: 'failed', ...seen, fault, cause: new Error(`${name} ${fault}`) }
}

/** Hosts of which nothing is known. */
export function nothingKnown(...names: string[]): Topology {
  return initialTopology(nonEmpty(names.map(idOf)), ms(0))
}

/** The snapshot after some observations. */
export function after(before: Topology, seen: readonly HostObservation[], rules?: Partial<ReduceRules>): Topology {
  return seen.reduce((topology, next) => reduceTopology(topology, next, { multiMaster: false, ...rules }), before)
}

export function hostOf(topology: Topology, name: string): HostDescription {
  const host = topology.hosts.get(idOf(name))
  if (host === undefined) throw new Error(`no host ${name}`)
  return host
}

/** Each host's kind, by its plain name; `suspect …` under suspicion. */
export function kindsOf(topology: Topology): Record<string, string> {
  const name = (hostId: HostId): string => hostId.replace(/:5432$/, '')
  return Object.fromEntries([...topology.hosts.values()].map((host) => [name(host.hostId), kindOf(host)]))
}

export function kindOf(host: HostDescription): string {
  return 'suspicion' in host && host.suspicion !== undefined ? `suspect ${host.kind}` : host.kind
}
