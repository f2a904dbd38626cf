import type { FakeProbe } from '../support/fake/fake-probe.ts'
import { isRoleQuestion } from './role-question.ts'

/** The probe connections that are open, and which of them is tried beside another one. */
export class ProbeConnections {
  readonly #open = new Map<string, Set<FakeProbe>>()
  readonly #fresh = new WeakSet<FakeProbe>()

  opened(probe: FakeProbe): void {
    const open = this.of(probe.hostId)
    // Beside a fresh one alone it is the connection that is asked: the one before was lost.
    if ([...open].some((each) => !this.#fresh.has(each))) this.#fresh.add(probe)
    this.#open.set(probe.hostId, new Set([...open, probe]))
  }

  answered(probe: FakeProbe, statement: string): void {
    if (isRoleQuestion(statement)) this.#fresh.delete(probe)
  }

  dropped(probe: FakeProbe): void {
    this.#open.get(probe.hostId)?.delete(probe)
  }

  of(hostId: string): ReadonlySet<FakeProbe> {
    return this.#open.get(hostId) ?? new Set()
  }

  /** Whether it was opened beside another connection, and has not told its server's role yet. */
  isFresh(probe: FakeProbe): boolean {
    return this.#fresh.has(probe)
  }
}
