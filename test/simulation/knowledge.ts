import { IDENTITY_QUERY } from '../../src/monitor/role-query.ts'
import type { FakeProbe } from '../support/fake/fake-probe.ts'
import type { Row } from '../support/fake/fake-link.ts'

interface Said {
  readonly inRecovery: boolean
  readonly timeline: number
  readonly systemId: string
}

interface View {
  readonly said: Map<string, Said>
  readonly highest: Map<string, number>
}

/** What the manager was told by answered probes: collected on the servers' side, beside its own reducer. */
export class Knowledge {
  #now: View = { said: new Map(), highest: new Map() }
  #before: View = { said: new Map(), highest: new Map() }
  #isNew = false
  #questions = 0
  readonly #asked = new WeakMap<FakeProbe, number>()
  readonly #answered = new Map<string, number>()
  readonly #systemIds = new WeakMap<FakeProbe, string>()

  /** The probe is asked something. */
  asked(probe: FakeProbe): void {
    this.#questions += 1
    this.#asked.set(probe, this.#questions)
  }

  answered(probe: FakeProbe, statement: string, [first, , , timeline]: Row): void {
    if (statement === IDENTITY_QUERY) {
      if (typeof first === 'string') this.#systemIds.set(probe, first)
      return
    }
    // Of two connections to one host the question that was asked last counts.
    const askedAt = this.#asked.get(probe) ?? 0
    if (askedAt < (this.#answered.get(probe.hostId) ?? 0)) return
    this.#answered.set(probe.hostId, askedAt)
    const systemId = this.#systemIds.get(probe) ?? 'unknown'
    const said = { inRecovery: first === 'true', timeline: Number(timeline ?? Infinity), systemId }
    this.#now.said.set(probe.hostId, said)
    if (timeline !== null && timeline !== undefined) {
      this.#now.highest.set(systemId, Math.max(this.#now.highest.get(systemId) ?? 0, said.timeline))
    }
    this.#isNew = true
  }

  /** A step is over: what came in it has reached the manager. */
  settle(): void {
    if (!this.#isNew) return
    this.#isNew = false
    this.#before = { said: new Map(this.#now.said), highest: new Map(this.#now.highest) }
  }

  /**
   * Why a host must take no writes by what has been answered: its latest answer was given in recovery, or on a timeline
   * below the highest one seen of that cluster. An answer of this very step may not have reached the manager yet, so the
   * reason must hold with and without it.
   */
  fenced(hostId: string): string | undefined {
    return reason(this.#before, hostId) === undefined ? undefined : reason(this.#now, hostId)
  }

  /** Why a host must get no lease of any kind: it takes writes on a timeline that another one has left behind. */
  leftBehind(hostId: string): string | undefined {
    const before = this.#before.said.get(hostId)
    const now = this.#now.said.get(hostId)
    if (before === undefined || now === undefined || before.inRecovery || now.inRecovery) return undefined
    return this.fenced(hostId)
  }
}

function reason({ said, highest }: View, hostId: string): string | undefined {
  const last = said.get(hostId)
  if (last === undefined) return 'it never answered a probe'
  if (last.inRecovery) return 'its latest answer says that it is in recovery'
  const newest = highest.get(last.systemId) ?? 0
  return last.timeline < newest ? `it is on timeline ${last.timeline}, but ${newest} was seen` : undefined
}
