import { IDENTITY_QUERY } from '../../src/monitor/role-query.ts'
import type { FakeServer } from '../support/fake/fake-server.ts'
import type { FakeProbe } from '../support/fake/fake-probe.ts'
import type { Row } from '../support/fake/fake-link.ts'
import { isRoleQuestion } from './role-question.ts'

interface Said {
  readonly atMs: number
  /** Who answered: under one name it may be one now and another one later. */
  readonly server: FakeServer
  readonly inRecovery: boolean
  readonly timeline: number
  readonly systemId: string
  readonly reached: number
  readonly received: number
  readonly receiver: string
}

/** A host was seen writable on a timeline, and what has been answered since that may end what it fences. */
interface Witnessed {
  readonly hostId: string
  readonly server: FakeServer
  readonly systemId: string
  readonly timeline: number
  readonly sinceMs: number
  lastMs: number
  /** The first answer in recovery since it was last writable. */
  recoveryMs: number | undefined
  /** It may have ended: by one of the three ways, read as wide as they can be. */
  mayHaveEnded: boolean
  /** The receivers of others when it was first seen. */
  readonly receivers: Map<string, string>
}

const BRIEF_MS = 30_000
const APART_MS = 1_000
const MOST_JUMP = 1_000
/** More than an answer of a check is on its way. */
const ROUND_TRIP_MS = 10_000

/**
 * What the manager was told by answered probes: collected on the servers' side, beside its own reducer. Whether a claim has ended is
 * judged by conditions that must hold at least, so that a fence that is missing here is not one that the manager must keep.
 */
export class Knowledge {
  readonly #said = new Map<string, Said>()
  readonly #witnessed: Witnessed[] = []
  #questions = 0
  readonly #asked = new WeakMap<FakeProbe, number>()
  readonly #answered = new Map<string, number>()
  readonly #systemIds = new WeakMap<FakeProbe, string>()
  #reasons: ReadonlyMap<string, string | undefined> = new Map()
  #isNew = false
  /** Who was believed to be the master, and of which cluster: as long as that is there, nobody else who is not believed may take writes. */
  readonly #believed = new Map<string, string>()

  /** The probe is asked something. */
  asked(probe: FakeProbe): void {
    this.#questions += 1
    this.#asked.set(probe, this.#questions)
  }

  answered(probe: FakeProbe, statement: string, row: Row): void {
    const [first, readOnly, , timeline, reached, received, receiver] = row
    if (statement === IDENTITY_QUERY) {
      if (typeof first === 'string') this.#systemIds.set(probe, first)
      return
    }
    if (!isRoleQuestion(statement)) return
    const { hostId, server } = probe
    // Of two connections to one host the question that was asked last counts.
    const askedAt = this.#asked.get(probe) ?? 0
    if (askedAt < (this.#answered.get(hostId) ?? 0)) return
    this.#answered.set(hostId, askedAt)
    const said = {
      atMs: server.loop.nowMs(),
      server,
      inRecovery: first === 'true',
      timeline: numberOr(timeline, Infinity),
      systemId: this.#systemIds.get(probe) ?? 'unknown',
      reached: numberOr(reached, Infinity),
      received: numberOr(received, -Infinity),
      receiver: receiver ?? 'none',
    }
    this.#said.set(hostId, said)
    this.#noteEnds(hostId, said)
    if (!said.inRecovery && this.implausible(hostId) === undefined) this.#witness(hostId, said)
    const isMaster = !said.inRecovery && readOnly === 'off' && said.systemId !== 'unknown'
    if (isMaster && this.implausible(hostId) === undefined) this.#believed.set(hostId, said.systemId)
    this.#isNew = true
  }

  /** A step is over: what came in it has reached the manager. */
  settle(): void {
    if (!this.#isNew) return
    this.#isNew = false
    this.#reasons = new Map([...this.#said.keys()].map((hostId) => [hostId, this.#reason(hostId)]))
  }

  /**
   * Why a host must take no writes by what has been answered: its latest answer was given in recovery, or on a timeline
   * below a claim that holds. An answer of this very step may not have reached the manager yet, so the
   * reason must hold with and without it.
   */
  fenced(hostId: string): string | undefined {
    const before = this.#reasons.has(hostId) ? this.#reasons.get(hostId) : NEVER_ANSWERED
    return before === undefined ? undefined : this.#reason(hostId)
  }

  /** Why a host must get no lease of any kind: it takes writes on a timeline that another one has left behind. */
  leftBehind(hostId: string): string | undefined {
    const reason = this.#reasons.get(hostId)
    if (reason === undefined || !reason.startsWith(BELOW)) return undefined
    const now = this.#reason(hostId)
    return now?.startsWith(BELOW) === true ? now : undefined
  }

  /** Whether anybody who can be believed was ever seen writable above the host's last answer. */
  wasEverAbove(hostId: string): boolean {
    const last = this.#said.get(hostId)
    if (last === undefined) return false
    return this.#witnessed.some(
      (each) =>
        each.systemId === last.systemId &&
        (each.hostId !== hostId || each.server !== last.server) &&
        each.timeline > last.timeline,
    )
  }

  /** Why what a writable host says cannot be: it must fence nobody. */
  implausible(hostId: string): string | undefined {
    const last = this.#said.get(hostId)
    if (last === undefined || last.inRecovery) return undefined
    const others = [...this.#said].filter(([id]) => id !== hostId).map(([, said]) => said)
    if (last.systemId === 'unknown' && others.some(({ systemId }) => systemId !== 'unknown'))
      return 'it names no cluster'
    if (last.timeline === Infinity) return undefined
    if (!Number.isInteger(last.timeline) || last.timeline < 1 || last.timeline > 0x7fff_ffff)
      return 'it has no timeline'
    const seen = this.#witnessed.filter((each) => each.systemId === last.systemId && each.hostId !== hostId)
    const isFar = seen.length > 0 && seen.every(({ timeline }) => last.timeline > timeline + MOST_JUMP)
    return isFar ? 'it is far ahead' : undefined
  }

  /** Whether what a host said last comes from the very server that was seen writable on the timeline. */
  isOfWitness(hostId: string, timeline: number): boolean {
    const said = this.#said.get(hostId)
    return this.#witnessed.some(
      (each) => each.hostId === hostId && each.timeline === timeline && each.server === said?.server,
    )
  }

  #witness(hostId: string, { systemId, timeline, atMs, server }: Said): void {
    if (timeline === Infinity) return
    const known = this.#witnessed.find(
      (each) =>
        each.hostId === hostId && each.server === server && each.systemId === systemId && each.timeline === timeline,
    )
    if (known !== undefined) {
      known.lastMs = atMs
      known.recoveryMs = undefined
      known.mayHaveEnded = false
      return
    }
    const receivers = new Map([...this.#said].map(([id, said]) => [id, said.inRecovery ? said.receiver : 'none']))
    const fresh = { recoveryMs: undefined, mayHaveEnded: false, receivers }
    this.#witnessed.push({ hostId, server, systemId, timeline, sinceMs: atMs, lastMs: atMs, ...fresh })
  }

  #noteEnds(hostId: string, said: Said): void {
    for (const claim of this.#witnessed) {
      if (said.systemId !== claim.systemId) continue
      // One that was restarted since may be taken for it.
      const isOfWitness = said.server === claim.server || said.server.bornAtMs >= claim.lastMs - ROUND_TRIP_MS
      if (claim.hostId === hostId) {
        if (isOfWitness) noteWitness(claim, said)
      } else if (this.#goesOnBelow(claim, hostId, said)) claim.mayHaveEnded = true
      if (claim.hostId !== hostId && said.inRecovery && said.receiver === 'none') claim.receivers.set(hostId, 'none')
    }
  }

  /** The second half of the second and third way: somebody goes on below while the witness is in recovery. */
  #goesOnBelow(claim: Witnessed, hostId: string, { inRecovery, received, receiver, timeline }: Said): boolean {
    const witness = this.#said.get(claim.hostId)
    if (claim.recoveryMs === undefined || witness === undefined || !witness.inRecovery) return false
    const spanMs = witness.atMs - claim.recoveryMs
    if (spanMs < APART_MS) return false
    if (inRecovery) {
      const isNew = receiver !== 'none' && claim.receivers.get(hostId) !== receiver
      return isNew && received < claim.timeline
    }
    return timeline < claim.timeline && claim.recoveryMs - claim.sinceMs <= BRIEF_MS
  }

  #reason(hostId: string): string | undefined {
    const last = this.#said.get(hostId)
    if (last === undefined) return NEVER_ANSWERED
    if (last.inRecovery) return 'its latest answer says that it is in recovery'
    for (const claim of this.#witnessed) {
      // What is no timeline is below none.
      if (
        claim.systemId !== last.systemId ||
        claim.hostId === hostId ||
        !(last.timeline >= 1 && claim.timeline > last.timeline)
      )
        continue
      if (!this.#mayHaveEnded(claim, last))
        return `${BELOW} ${last.timeline}, but ${claim.hostId} was writable on ${claim.timeline}`
    }
    const named = new Set([...this.#said.values()].map(({ systemId }) => systemId))
    const isStranger = [...this.#believed.values()].some((each) => named.has(each)) && !this.#believed.has(hostId)
    const isLiar = isStranger && last.systemId === 'unknown' && this.implausible(hostId) !== undefined
    return isLiar ? 'it names no cluster, and others do' : undefined
  }

  #mayHaveEnded(claim: Witnessed, below: Said): boolean {
    if (claim.mayHaveEnded) return true
    const others = this.#witnessed.filter((each) => each.hostId !== claim.hostId && each.systemId === claim.systemId)
    if (others.length > 0 && others.every((each) => each.timeline + MOST_JUMP < claim.timeline)) return true
    const witness = this.#said.get(claim.hostId)
    if (claim.recoveryMs === undefined || witness === undefined || !witness.inRecovery) return false
    const isLong = witness.atMs - claim.recoveryMs >= APART_MS
    return isLong && claim.recoveryMs - claim.sinceMs <= BRIEF_MS && below.timeline < claim.timeline
  }
}

const NEVER_ANSWERED = 'it never answered a probe'
const BELOW = 'it is on timeline'

function numberOr(text: string | null | undefined, otherwise: number): number {
  return text === null || text === undefined ? otherwise : Number(text)
}

/** The first way: it answers below its claim, if it is in recovery with a receiver. */
function noteWitness(claim: Witnessed, said: Said): void {
  if (!said.inRecovery) {
    if (said.timeline < claim.timeline) claim.mayHaveEnded = true
    return
  }
  claim.recoveryMs ??= said.atMs
  if (said.reached < claim.timeline && said.receiver !== 'none') claim.mayHaveEnded = true
}
