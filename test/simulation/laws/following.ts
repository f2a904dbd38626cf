import type { AnsweringHost } from '../../../src/topology/host-description.ts'
import { hasDiverged, isAnswering } from '../../../src/topology/host-description.ts'
import type { Topology } from '../../../src/topology/topology.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { FakeServer } from '../../support/fake/fake-server.ts'
import { sharedUpTo } from '../../support/fake/history.ts'
import { isRoleQuestion } from '../role-question.ts'
import type { World } from '../world.ts'

/**
 * Law 18: a replica that cannot be fresh is not served as fresh.
 *
 * Named: a replica whose answer is above the timeline or beyond the position of the master, asked after that answer came, has
 * diverged by the snapshot of that very step; in what order they were asked is counted on the wire. It stays so while it lives
 * that life. Named rightly: by the histories of the model servers it has something that the master has not.
 *
 * Not served: with a bound of the caller or the manager, or with a token, no lease on a replica that has diverged by the snapshot, nor on
 * one that is in truth left on a timeline of its own and has shown a timeline above the master's.
 */
export function checkFollowing(world: World): void {
  const order = countProbes(world)
  world.announcer.on('snapshot', (before, after) => {
    const master = masterOf(after)
    for (const host of after.hosts.values()) {
      if (!isAnswering(host) || host.kind !== 'replica') continue
      checkKept(world, before, host)
      if (master === undefined || host.answer.systemId !== master.answer.systemId) continue
      checkNamed(world, host, master, order.isAskedAfter(master.hostId, host.hostId))
      if (hasDiverged(host) && !hasDivergedBefore(before, host)) checkTruth(world, host, master)
    }
  })
  world.announcer.on('granted', ({ id, isBounded = false }, { hostId, topology }) => {
    const host = [...topology.hosts.values()].find((each) => each.hostId === hostId)
    const hasBound = isBounded || world.scenario.options.maxReplicaLagMs !== undefined
    if (host === undefined || !isAnswering(host) || host.kind !== 'replica' || !hasBound) return
    const lease = `call ${id} with a bound was given ${hostId}`
    if (hasDiverged(host)) return world.violated('law 18', `${lease}, which has diverged`)
    const highest = masterOf(topology)?.answer.timeline ?? Infinity
    const isAbove = (host.answer.reachedTimeline ?? 0) > highest && serverOf(world, host)?.isStranded === true
    if (isAbove) world.violated('law 18', `${lease}, which is stranded above timeline ${highest}`)
  })
}

/** Counts questions and answers as they pass: whether the last answer of one was asked for after that of the other had come. */
function countProbes({ announcer }: World): { isAskedAfter: (one: string, other: string) => boolean } {
  let count = 0
  const asked = new WeakMap<FakeProbe, number>()
  const askedFor = new Map<string, number>()
  const answered = new Map<string, number>()
  announcer.on('probeAsked', (probe) => void asked.set(probe, (count += 1)))
  announcer.on('probeAnswered', (probe, statement) => {
    const { hostId } = probe
    const askedAt = asked.get(probe) ?? 0
    // Of two connections to one host the question that was asked last counts.
    if (!isRoleQuestion(statement) || askedAt < (askedFor.get(hostId) ?? 0)) return
    askedFor.set(hostId, askedAt)
    answered.set(hostId, (count += 1))
  })
  return { isAskedAfter: (one, other) => (askedFor.get(one) ?? 0) > (answered.get(other) ?? Infinity) }
}

function checkNamed(world: World, host: AnsweringHost, master: AnsweringHost, isAskedAfter: boolean): void {
  const { reachedTimeline = 0, lsn = 0n } = host.answer
  const isAbove = reachedTimeline > (master.answer.timeline ?? Infinity)
  const isAhead = master.answer.lsn !== undefined && lsn > master.answer.lsn
  if (!isAskedAfter || !(isAbove || isAhead) || hasDiverged(host)) return
  world.violated('law 18', `${host.hostId} is ${isAbove ? 'above' : 'ahead of'} ${master.hostId}, and not named`)
}

/** What it has, it keeps as long as it is not rewound, whatever timeline its master goes on to. */
function checkKept(world: World, before: Topology, host: AnsweringHost): void {
  if (!hasDivergedBefore(before, host) || hasDiverged(host)) return
  const isStranded = serverOf(world, host)?.isStranded === true
  if (isStranded) world.violated('law 18', `${host.hostId} is stranded as before, and has diverged no more`)
}

function checkTruth(world: World, host: AnsweringHost, master: AnsweringHost): void {
  const [server, upstream] = [serverOf(world, host), serverOf(world, master)]
  if (server === undefined || upstream?.facts.role !== 'master') return
  if (server.facts.lsn > sharedUpTo(upstream.branch, server.branch)) return
  world.violated('law 18', `${host.hostId} has nothing that ${master.hostId} has not, and is said to have diverged`)
}

function hasDivergedBefore(before: Topology, { hostId, answer }: AnsweringHost): boolean {
  const host = before.hosts.get(hostId)
  return host !== undefined && hasDiverged(host) && isAnswering(host) && host.answer.incarnation === answer.incarnation
}

/** The server that gave the answer, unless it lives another life by now. */
function serverOf({ cluster }: World, { hostId, answer }: AnsweringHost): FakeServer | undefined {
  return cluster.servers.find(
    (each) => each.hostId === hostId && `${hostId} life ${each.facts.incarnation}` === answer.incarnation,
  )
}

function masterOf(topology: Topology): AnsweringHost | undefined {
  for (const host of topology.hosts.values()) {
    if (isAnswering(host) && host.kind === 'master' && host.suspicion === undefined) return host
  }
  return undefined
}
