import type { AnsweringHost, HostDescription } from '../../../src/topology/host-description.ts'
import { isAnswering } from '../../../src/topology/host-description.ts'
import type { FakeConnection } from '../../support/fake/fake-connection.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import { isRoleQuestion } from '../role-question.ts'
import type { World } from '../world.ts'

/** A check that has ended without an answer, and where the host's connections stood. */
interface Missed {
  readonly sentAtMs: number
  readonly endedAtMs: number
  readonly hasLoggedIn: boolean
  readonly isSeen: boolean
}

/**
 * Law 12: a busy host is not a dead one. Judged by what the network brought, beside the manager's own count.
 *
 * A missed check takes no host out from whose connections something has arrived since the check was sent, or that let the
 * check's own fresh connection in; and so no lease is cut there. A host is held for busy only with such a sign. It counts only on
 * a connection of the current generation, that was being read when the check was sent and ever since. And what a host is, where
 * it stands and when it was seen comes from answers alone.
 */
export function checkSignsOfLife(world: World): void {
  const checks = new Checks(world)
  const answers = new Map<string, number>()
  const used = new Map<string, number>()
  world.announcer.on('probeAnswered', ({ hostId }, statement) => {
    if (isRoleQuestion(statement)) answers.set(hostId, (answers.get(hostId) ?? 0) + 1)
  })
  const judge = (old: HostDescription, host: HostDescription): void => {
    const missed = checks.missed(host.hostId)
    if (missed !== undefined) judgeMiss(world, old, host, missed)
    if (!isAnswering(host) || (isAnswering(old) && isSameNews(old, host))) return
    const [given = 0, taken = 0] = [answers.get(host.hostId), used.get(host.hostId)]
    if (given <= taken) world.violated('law 12', `${host.hostId} is known anew, but has answered nothing new`)
    used.set(host.hostId, given)
  }
  world.announcer.on('snapshot', (before, after) => {
    for (const host of after.hosts.values()) {
      const old = before.hosts.get(host.hostId)
      if (old !== undefined && old !== host) judge(old, host)
    }
  })
}

function isSameNews(old: AnsweringHost, host: AnsweringHost): boolean {
  return old.answer === host.answer && old.seenAtMs === host.seenAtMs
}

function judgeMiss(world: World, old: HostDescription, host: HostDescription, missed: Missed): void {
  const { hostId } = host
  const isAlive = missed.isSeen || missed.hasLoggedIn
  const isTimeout = 'cause' in host && 'code' in host.cause && host.cause.code === 'ERR_HASQL_PROBE_TIMEOUT'
  const wasStalled = world.lastStallMs >= missed.sentAtMs
  if (host.kind === 'unreachable' && isAnswering(old) && isTimeout && isAlive && !wasStalled) {
    world.violated('law 12', `${hostId} was taken out, though it is alive`)
  }
  const doubt = isAnswering(host) && doubtOf(old) !== host.suspicion ? host.suspicion : undefined
  const isMissed = doubt?.fault === 'silent' && 'code' in doubt.cause && doubt.cause.code === 'ERR_HASQL_PROBE_TIMEOUT'
  if (isMissed && isAlive && !wasStalled) world.violated('law 12', `${hostId} is held for silent, though it is alive`)
  const isNewlyBusy = isAnswering(host) && host.suspicion?.fault === 'busy' && doubtOf(old) !== host.suspicion
  if (isNewlyBusy && !isAlive) world.violated('law 12', `${hostId} is held for busy, but gave no sign of life`)
}

function doubtOf(host: HostDescription): unknown {
  return isAnswering(host) ? host.suspicion : undefined
}

/** Follows the checks of each host, and what arrives meanwhile. */
class Checks {
  readonly #world: World
  readonly #sent = new Map<FakeProbe, number>()
  readonly #missed = new Map<string, Missed>()
  readonly #bornIn = new WeakMap<FakeConnection, number>()
  /** When something arrived last on each connection that was read at that time; since when it has been read. */
  readonly #arrived = new Map<FakeConnection, number>()
  readonly #pauses = new Map<FakeConnection, Map<FakeProbe, number | undefined>>()

  constructor(world: World) {
    this.#world = world
    const { announcer } = world
    announcer.on('born', (connection) => this.#bornIn.set(connection, this.#generationOf(connection.pool.hostId)))
    announcer.on('arrived', (connection, atMs) => this.#arrived.set(connection, atMs))
    announcer.on('probeAsked', (probe) => this.#began(probe))
    announcer.on('probeAnswered', (probe, statement) => {
      if (isRoleQuestion(statement)) this.#sent.delete(probe)
    })
    announcer.on('probeDropped', (probe) => this.#ended(probe))
  }

  /** The check of a host that was missed in this very step. */
  missed(hostId: string): Missed | undefined {
    const missed = this.#missed.get(hostId)
    return missed !== undefined && missed.endedAtMs === this.#world.loop.nowMs() ? missed : undefined
  }

  #began(probe: FakeProbe): void {
    // A fresh connection that is tried beside the open one is no check: nothing follows from its failure.
    if (this.#sent.has(probe) || this.#world.probes.isFresh(probe)) return
    this.#sent.set(probe, this.#world.loop.nowMs())
    for (const connection of this.#connectionsOf(probe)) {
      const { received } = connection.socket
      const marks = this.#pauses.get(connection) ?? new Map<FakeProbe, number | undefined>()
      marks.set(probe, received?.isRead === true ? received.pauses : undefined)
      this.#pauses.set(connection, marks)
    }
  }

  #ended(probe: FakeProbe): void {
    const sentAtMs = this.#sent.get(probe)
    this.#sent.delete(probe)
    if (sentAtMs === undefined) return
    const { hostId } = probe
    const generation = this.#generationOf(hostId)
    const isSign = (connection: FakeConnection): boolean => {
      const before = this.#pauses.get(connection)?.get(probe)
      const isCurrent = this.#bornIn.get(connection) === generation && !connection.isClosed()
      const isRead = before !== undefined && connection.socket.received?.pauses === before
      return isCurrent && isRead && (this.#arrived.get(connection) ?? -Infinity) > sentAtMs
    }
    const hasLoggedIn = probe.loggedInAtMs !== undefined && probe.loggedInAtMs >= sentAtMs
    const isSeen = this.#connectionsOf(probe).some(isSign)
    this.#missed.set(hostId, { sentAtMs, endedAtMs: this.#world.loop.nowMs(), hasLoggedIn, isSeen })
    for (const marks of this.#pauses.values()) marks.delete(probe)
  }

  #connectionsOf(probe: FakeProbe): readonly FakeConnection[] {
    const pool = [...this.#world.db.pools].find(({ hostId }) => hostId === probe.hostId)
    return [...(pool?.live ?? [])]
  }

  #generationOf(hostId: string): number {
    return this.#world.hostNamed(hostId)?.generation ?? 0
  }
}
