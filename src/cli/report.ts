import type { HostId } from '../dsn/host-spec.ts'
import type { Dsn } from '../dsn/dsn.ts'
import { describeState } from '../manager/explain.ts'
import { detachmentOf, isAnswering, lastAnswerOf } from '../topology/host-description.ts'
import type { Detachment, HostDescription } from '../topology/host-description.ts'
import { bytesBehind } from '../topology/lag.ts'
import { masters } from '../topology/topology.ts'
import type { Topology } from '../topology/topology.ts'
import type { ExitCode } from './exit-code.ts'
import type { ServerFacts } from './server-facts.ts'
import { shown } from './shown.ts'
import { exitCodeOf, isInUse, problemsOf } from './verdict.ts'
import type { Problem, Reason } from './verdict.ts'
import { wordLsn } from './words.ts'

/** One host, as `hasql status --json` prints it; see docs/status.schema.json. */
export interface HostReport {
  readonly host: string
  readonly role: HostDescription['kind']
  readonly inUse: boolean
  readonly why: string
  readonly timeline: number | null
  readonly lsn: string | null
  readonly lagBytes: number | null
  readonly lagMs: number | null
  /** Of a replica: why it is not known to follow the master. */
  readonly detached: Detachment['reason'] | null
  readonly responseTimeMs: number | null
  readonly serverVersion: string | null
  readonly startedAt: string | null
  readonly upSeconds: number | null
  /** For how long it has been what it is, as seen from here. */
  readonly seenForMs: number
}

export interface StatusReport {
  readonly dsn: string
  readonly ok: boolean
  readonly exitCode: ExitCode
  readonly problems: readonly Problem[]
  /** Why, in the same order; a problem may have several. */
  readonly reasons: readonly { readonly problem: Problem; readonly host: string | null; readonly text: string }[]
  readonly master: string | null
  readonly systemId: string | null
  readonly hosts: readonly HostReport[]
}

export function reportOn(
  dsn: Dsn,
  topology: Topology,
  facts: ReadonlyMap<HostId, ServerFacts>,
  reasons: readonly Reason[],
  nowMs: number,
): StatusReport {
  const problems = problemsOf(reasons)
  return {
    dsn: dsn.toString(),
    ok: problems.length === 0,
    exitCode: exitCodeOf(problems),
    problems,
    reasons: reasons.map(({ problem, host, text }) => ({ problem, host: host ?? null, text: shown(text) })),
    master: masters(topology)[0]?.hostId ?? null,
    systemId: topology.fencing.systemId ?? null,
    hosts: [...topology.hosts.values()].map((host) => hostReport(host, topology, facts.get(host.hostId), nowMs)),
  }
}

function hostReport(
  host: HostDescription,
  topology: Topology,
  facts: ServerFacts | undefined,
  nowMs: number,
): HostReport {
  const answering = isAnswering(host) ? host : undefined
  const answer = lastAnswerOf(host)
  const isReplica = host.kind === 'replica'
  return {
    host: host.hostId,
    role: host.kind,
    inUse: isInUse(host),
    why: shown(describeState(host, topology, nowMs)),
    timeline: answer?.timeline ?? answer?.reachedTimeline ?? null,
    lsn: answer?.lsn === undefined ? null : wordLsn(answer.lsn),
    lagBytes: (isReplica ? bytesBehind(host, topology.wal) : undefined) ?? null,
    lagMs: (isReplica ? rounded(host.lag?.ms) : undefined) ?? null,
    detached: isReplica ? (detachmentOf(host)?.reason ?? null) : null,
    responseTimeMs: rounded(answering?.responseTimeMs) ?? null,
    serverVersion: facts === undefined ? null : shown(facts.version),
    startedAt: facts?.startedAt ?? null,
    upSeconds: facts?.upSeconds ?? null,
    seenForMs: Math.max(0, Math.round(nowMs - host.sinceMs)),
  }
}

function rounded(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : Math.round(timeMs * 100) / 100
}
