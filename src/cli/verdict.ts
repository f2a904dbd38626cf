import type { HostId } from '../dsn/host-spec.ts'
import { DISBELIEF } from '../manager/explain.ts'
import { isAnswering, isTrusted } from '../topology/host-description.ts'
import type { AnsweringHost, HostDescription } from '../topology/host-description.ts'
import { masters, replicas } from '../topology/topology.ts'
import type { Topology } from '../topology/topology.ts'
import { EXIT } from './exit-code.ts'
import type { ExitCode } from './exit-code.ts'

/** What is wrong with a cluster as seen; none when nothing is. */
export type Problem =
  | 'access-refused'
  | 'split-brain'
  | 'no-master'
  | 'writes-wait'
  | 'stale-master'
  | 'mixed-endpoint'
  | 'replica-diverged'
  | 'replica-not-streaming'
  | 'host-refuses'
  | 'no-replica'
  | 'host-out'

/** One thing that is wrong, and what to do. */
export interface Reason {
  readonly problem: Problem
  /** Undefined where it is the matter of no single host. */
  readonly host: HostId | undefined
  readonly text: string
  /**
   * Set where it may be wrong for a moment in a sound cluster, a failover for example: it counts when it was seen, with the same
   * evidence, for this long.
   */
  readonly settling?: { readonly forMs: number; readonly evidence: string }
}

/** One of the servers that connections to a host have led to. */
export interface ServerSeen {
  /** What tells it from others. */
  readonly id: string
  /** As it knows itself, `address:port`; undefined where it does not say. */
  readonly address: string | undefined
  readonly role: 'master' | 'replica'
}

/** What was learnt of the hosts beside their answers to checks. */
export interface Looks {
  /** Sessions that wait for a synchronous standby. */
  readonly waiting: ReadonlyMap<HostId, { readonly waiting: number; readonly sessions: readonly string[] }>
  /** The servers that fresh connections have led to. */
  readonly servers: ReadonlyMap<HostId, readonly ServerSeen[]>
}

export const NO_LOOKS: Looks = { waiting: new Map(), servers: new Map() }

/** After a failover each replica is without its receiver until it has found the new master: up to 5 s, where nothing is tuned. */
const RECEIVER_SETTLES_MS = 5_000
/** Hosts are not asked at one moment; what they say together may be of two. */
const SETTLES_MS = 1_000

/** The worst first: it decides the exit status. */
const SEVERITY: readonly (readonly [Problem, ExitCode])[] = [
  ['access-refused', EXIT.accessRefused],
  ['split-brain', EXIT.splitBrain],
  ['no-master', EXIT.noMaster],
  ['writes-wait', EXIT.writesWait],
  ['stale-master', EXIT.staleMaster],
  ['mixed-endpoint', EXIT.mixedEndpoint],
  ['replica-diverged', EXIT.replicaNotFollowing],
  ['replica-not-streaming', EXIT.replicaNotFollowing],
  ['host-refuses', EXIT.accessRefused],
  ['no-replica', EXIT.hostOut],
  ['host-out', EXIT.hostOut],
]

/** Each condition finds what is wrong in its own way. */
const CONDITIONS: readonly ((topology: Topology, looks: Looks) => readonly Reason[])[] = [
  ofHosts,
  ofWrites,
  ofEndpoints,
  ofReplicas,
]

/** All that is wrong, the worst first. Pure: what has to be looked at for a while says so in `settling`. */
export function verdictOf(topology: Topology, looks: Looks): readonly Reason[] {
  const found = CONDITIONS.flatMap((condition) => condition(topology, looks))
  return SEVERITY.flatMap(([problem]) => found.filter((reason) => reason.problem === problem))
}

/** The problems of these reasons, each once, in their order. */
export function problemsOf(reasons: readonly Reason[]): readonly Problem[] {
  return [...new Set(reasons.map(({ problem }) => problem))]
}

export function exitCodeOf(problems: readonly Problem[]): ExitCode {
  return SEVERITY.find(([problem]) => problems.includes(problem))?.[1] ?? EXIT.ok
}

/** Whether leases of the host's role are given. */
export function isInUse(host: HostDescription): boolean {
  if (host.kind === 'master') return isTrusted(host)
  return host.kind === 'replica' || host.kind === 'read-only-master'
}

/** What the roles of the hosts say by themselves. */
function ofHosts(topology: Topology): readonly Reason[] {
  const hosts = [...topology.hosts.values()]
  const found: Reason[] = []
  const add = (problem: Problem, text: string): void => void found.push({ problem, host: undefined, text })
  const isAny = (kind: HostDescription['kind']): boolean => hosts.some((host) => host.kind === kind)
  if (isAny('rejected')) {
    if (hosts.some(isAnswering))
      add('host-refuses', 'A host refuses us: hasql check says at which step, and what to do.')
    else add('access-refused', 'No host lets us in: hasql check says at which step, and what to do.')
  }
  const disbelieved = hosts.filter((host) => host.kind === 'rival-master' && host.implausible !== undefined)
  if (hosts.some((host) => host.kind === 'rival-master' && host.implausible === undefined))
    add('split-brain', 'Split brain: several hosts accept writes on one timeline. Stop all of them but one.')
  if (isAny('stale-master'))
    add('stale-master', 'A stale master accepts writes that will be lost: stop it, and let it rejoin as a replica.')
  if (masters(topology).length === 0) add('no-master', 'No host takes writes.')
  if (hosts.length > 1 && replicas(topology).length === 0) add('no-replica', 'No host is a replica that takes reads.')
  for (const { hostId, implausible } of disbelieved.filter(isAnswering)) {
    const why = implausible === undefined ? '' : `: ${DISBELIEF[implausible]}`
    add('host-out', `${hostId} accepts writes, and is not believed${why}.`)
  }
  const rest = hosts.filter((host) => !disbelieved.includes(host))
  if (!rest.every((host) => isInUse(host) || host.kind === 'duplicate-master')) add('host-out', 'A host is out of use.')
  return found
}

/** Commits on a master that wait for a synchronous standby. */
function ofWrites(topology: Topology, { waiting: looks }: Looks): readonly Reason[] {
  return masters(topology).flatMap(({ hostId }) => {
    const { waiting, sessions } = looks.get(hostId) ?? { waiting: 0, sessions: [] }
    const [oldest] = sessions
    if (oldest === undefined) return []
    const who = `${waiting} ${waiting === 1 ? 'session waits' : 'sessions wait'}`
    const todo = 'bring it back, or take it out of synchronous_standby_names and reload'
    const text = `Writes on ${hostId} hang: ${who} for a synchronous standby. To end that, ${todo}.`
    return [{ problem: 'writes-wait', host: hostId, text, settling: { forMs: SETTLES_MS, evidence: oldest } }]
  })
}

/** One name that leads to a master at one time and to a replica at another. */
function ofEndpoints(_topology: Topology, { servers }: Looks): readonly Reason[] {
  return [...servers].flatMap(([host, seen]) => {
    const byId = new Map(seen.map((server) => [server.id, server]))
    if (new Set([...byId.values()].map(({ role }) => role)).size < 2) return []
    const which = [...byId.values()].map(({ address, role }) => `${address ?? 'unnamed'} ${role}`).sort()
    const todo = 'name each server, or give one endpoint for writes and one for reads'
    const text = `${host} leads to servers of different roles (${which.join(', ')}): ${todo}.`
    return [{ problem: 'mixed-endpoint', host, text, settling: { forMs: SETTLES_MS, evidence: 'mixed' } }]
  })
}

/** Replicas whose data is not, or not for long, that of the master. */
function ofReplicas(topology: Topology): readonly Reason[] {
  const [master] = masters(topology)
  if (master === undefined) return []
  return [...topology.hosts.values()].flatMap((host) => {
    if (host.kind !== 'replica' || host.suspicion !== undefined) return []
    return divergence(host, master) ?? lackOfReceiver(host) ?? []
  })
}

function divergence(replica: AnsweringHost, master: AnsweringHost): Reason | undefined {
  const { reachedTimeline: reached, lsn } = replica.answer
  const { timeline, lsn: written } = master.answer
  if (replica.answer.systemId !== master.answer.systemId || reached === undefined || timeline === undefined)
    return undefined
  const isAhead =
    reached === timeline &&
    (lsn ?? 0n) > (written ?? lsn ?? 0n) &&
    // The master was asked after the replica had answered.
    master.seenAtMs - master.roundTripMs > replica.seenAtMs
  if (reached <= timeline && !isAhead) return undefined
  const where = isAhead ? 'ahead of the master' : `on timeline ${reached}, above the master's ${timeline}`
  const why = 'it has changes that the master never made, of a server that was promoted by mistake, or lost its role'
  return {
    problem: 'replica-diverged',
    host: replica.hostId,
    text: `${replica.hostId} is ${where}: ${why}. Make it a replica again with pg_rewind, or anew.`,
    settling: { forMs: SETTLES_MS, evidence: `${reached}` },
  }
}

function lackOfReceiver({ hostId, answer }: AnsweringHost): Reason | undefined {
  if (answer.receiver !== 'none') return undefined
  const seconds = RECEIVER_SETTLES_MS / 1_000
  const text =
    `${hostId} has no WAL receiver, and has applied nothing for ${seconds} s: it does not follow the master. ` +
    'See primary_conninfo and its log. A standby that lives from an archive alone looks the same between two files.'
  const evidence = `at ${answer.lsn ?? '?'}`
  return { problem: 'replica-not-streaming', host: hostId, text, settling: { forMs: RECEIVER_SETTLES_MS, evidence } }
}
