import type { HostId } from '../dsn/host-spec.ts'
import type { SyncWaitListener, WaitingSessions } from '../monitor/sync-wait.ts'
import type { HostPool } from '../pool/host-pool.ts'
import type { Clock } from '../time/clock.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { Topology } from '../topology/topology.ts'
import type { SyncWait, SyncWaitEnd } from './events.ts'

/** A statement is held up, and a session waits, when that is seen at two checks at least this far apart. */
const HELD_UP_MS = 250
/** A server that left the question unanswered is left alone with it for this long. */
const UNANSWERED_PAUSE_MS = 60_000

type WatchedPool = Pick<HostPool<unknown, unknown>, 'statementsUnderWay'>

/** The collaborators of `SyncWaits`, and its callbacks. */
export interface SyncWaitDeps {
  readonly clock: Clock
  readonly refreshDelayMs: Milliseconds
  readonly poolOf: (hostId: HostId) => WatchedPool | undefined
  readonly topology: () => Topology
  readonly began: (wait: SyncWait) => void
  readonly ended: (end: SyncWaitEnd) => void
}

/** Things that are there, each with the moment at which it was seen first. */
type Sightings<T> = ReadonlyMap<T, Milliseconds>

interface Watch {
  /** Statements of this process that are under way: `[connection, number of the statement]`. */
  statements: ReadonlyMap<object, { readonly statement: number; readonly sinceMs: Milliseconds }>
  sessions: Sightings<string>
  /** Since when sessions wait; undefined while none does, or not for long. */
  sinceMs: Milliseconds | undefined
  notBeforeMs: number
}

/**
 * Notices a master that answers its checks while commits on it wait for a synchronous standby. The server is asked only while a
 * statement of this process has been under way from one check to the next, or a wait is known; so a healthy host costs nothing.
 * Nothing is done about it, for there is no other master to go to.
 */
export class SyncWaits {
  readonly #deps: SyncWaitDeps
  readonly #watches = new Map<HostId, Watch>()

  constructor(deps: SyncWaitDeps) {
    this.#deps = deps
  }

  /** What the probe connections of a host tell and ask. */
  listenerFor(hostId: HostId): SyncWaitListener {
    const watch: Watch = { statements: new Map(), sessions: new Map(), sinceMs: undefined, notBeforeMs: 0 }
    this.#watches.set(hostId, watch)
    return {
      isWanted: () => this.#isWanted(hostId, watch),
      seen: (sessions) => this.#seen(hostId, watch, sessions),
      unanswered: () => (watch.notBeforeMs = this.#deps.clock.nowMs() + UNANSWERED_PAUSE_MS),
    }
  }

  /** Looks at a new snapshot: a host that is the master no longer keeps no commit waiting. */
  changed(topology: Topology): void {
    for (const [hostId, watch] of this.#watches) {
      if (watch.sinceMs !== undefined && topology.hosts.get(hostId)?.kind !== 'master') this.#end(hostId, watch)
    }
  }

  /** For how long commits on a host have been waiting; 0 when none does. */
  waitMs(hostId: HostId, nowMs: Milliseconds): number {
    const sinceMs = this.#watches.get(hostId)?.sinceMs
    return sinceMs === undefined ? 0 : nowMs - sinceMs
  }

  #isWanted(hostId: HostId, watch: Watch): boolean {
    const { clock, refreshDelayMs, poolOf, topology } = this.#deps
    const nowMs = clock.nowMs()
    const underWay = poolOf(hostId)?.statementsUnderWay() ?? new Map<object, number>()
    watch.statements = carryStatements(watch.statements, underWay, nowMs)
    if (topology().hosts.get(hostId)?.kind !== 'master' || nowMs < watch.notBeforeMs) return false
    const isHeldUp = [...watch.statements.values()].some(({ sinceMs }) => nowMs - sinceMs >= HELD_UP_MS)
    const isWanted = isHeldUp || watch.sinceMs !== undefined
    if (!isWanted) watch.sessions = new Map()
    // Beside the open probe connection there may be a fresh one: one question for each check is enough.
    else watch.notBeforeMs = nowMs + refreshDelayMs / 2
    return isWanted
  }

  #seen(hostId: HostId, watch: Watch, { waiting, sessions }: WaitingSessions): void {
    const nowMs = this.#deps.clock.nowMs()
    watch.sessions = carrySightings(watch.sessions, sessions, nowMs)
    const oldestMs = Math.min(...watch.sessions.values())
    if (watch.sinceMs !== undefined) {
      if (!(oldestMs < nowMs)) this.#end(hostId, watch)
    } else if (nowMs - oldestMs >= HELD_UP_MS) {
      watch.sinceMs = ms(oldestMs)
      this.#deps.began({ host: hostId, sinceMs: watch.sinceMs, waiting })
    }
  }

  #end(hostId: HostId, watch: Watch): void {
    const lastedMs = this.waitMs(hostId, this.#deps.clock.nowMs())
    watch.sinceMs = undefined
    watch.sessions = new Map()
    this.#deps.ended({ host: hostId, lastedMs })
  }
}

function carryStatements(
  before: Watch['statements'],
  underWay: ReadonlyMap<object, number>,
  nowMs: Milliseconds,
): Watch['statements'] {
  const carried = new Map<object, { statement: number; sinceMs: Milliseconds }>()
  for (const [connection, statement] of underWay) {
    const known = before.get(connection)
    carried.set(connection, known?.statement === statement ? known : { statement, sinceMs: nowMs })
  }
  return carried
}

function carrySightings(before: Sightings<string>, seen: readonly string[], nowMs: Milliseconds): Sightings<string> {
  return new Map(seen.map((each) => [each, before.get(each) ?? nowMs]))
}
