import type { HostId } from '../dsn/host-spec.ts'
import type { HasqlError } from '../errors.ts'
import { TokenUnreachableError } from '../errors.ts'
import { freshOnly, unreachable } from '../selection/freshness.ts'
import type { Freshness } from '../selection/freshness.ts'
import type { Target } from '../selection/target.ts'
import type { Waiter } from '../selection/waiters.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import { isAnswering } from '../topology/host-description.ts'
import type { AnsweringHost } from '../topology/host-description.ts'
import type { DeskParts, HostChooser } from './acquire-desk.ts'
import { AcquireDesk } from './acquire-desk.ts'
import { explainHosts } from './explain.ts'
import type { Router } from './router.ts'

/** Hosts are asked again after 5 % of the wait so far, within these. */
const SHARE_OF_WAIT = 0.05
const LEAST_GAP_MS = 20
const MOST_GAP_MS = 250

/** What a desk for fresh data needs beside the usual. */
export interface FreshParts<TConnection, TPool> extends DeskParts<TConnection, TPool> {
  /** A router of its own, for a topology from which hosts were left out. */
  readonly openRouter: () => Router<TConnection, TPool>
  /** Ask the hosts how far they are, no more often than every `gapMs` each. */
  readonly askHosts: (gapMs: Milliseconds) => void
}

/**
 * The desk of one acquisition that demands something of the data: it chooses among the hosts that are known to be fresh
 * enough, and has the others asked for as long as it waits. The usual acquisitions never come here.
 */
export class FreshDesk<TConnection, TPool> extends AcquireDesk<TConnection, TPool> {
  readonly #parts: FreshParts<TConnection, TPool>
  readonly #freshness: Freshness
  readonly #startedAtMs: Milliseconds
  /** Hosts with a connection that their last answer says nothing of, and the probe that was their newest when it was made. */
  readonly #unproven: Map<HostId, number>

  constructor(parts: FreshParts<TConnection, TPool>, freshness: Freshness) {
    const unproven = new Map<HostId, number>()
    super({ ...parts, router: freshChooser(parts, freshness, unproven) })
    this.#parts = parts
    this.#freshness = freshness
    this.#startedAtMs = parts.clock.nowMs()
    this.#unproven = unproven
  }

  /**
   * An answer says nothing of a connection that was made after its question: the server may have been replaced in between, by a
   * restart as a standby that lost the write. One that was made before would not have lived through that.
   */
  override declines(hostId: HostId | undefined, probe: number): boolean {
    if (this.#freshness.after === undefined || hostId === undefined) return false
    const host = this.#parts.topology().hosts.get(hostId)
    if (host !== undefined && isAnswering(host) && answersFor(host, probe)) return false
    this.#unproven.set(hostId, probe)
    return true
  }

  override wait(waiter: Waiter): void {
    super.wait(waiter)
    this.#askHosts()
  }

  /** Looked at with each new topology that has no host for the acquisition. */
  override refusedEverywhere(target: Target): HasqlError | undefined {
    const { after } = this.#freshness
    const topology = this.#parts.topology()
    const why = after === undefined ? undefined : unreachable(topology, after)
    if (why === undefined) {
      this.#askHosts()
      return super.refusedEverywhere(target)
    }
    return new TokenUnreachableError(why, explainHosts(topology, target, this.clock.nowMs()))
  }

  #askHosts(): void {
    const waitedMs = this.clock.nowMs() - this.#startedAtMs
    this.#parts.askHosts(ms(Math.min(MOST_GAP_MS, Math.max(LEAST_GAP_MS, SHARE_OF_WAIT * waitedMs))))
  }
}

/** The demands are hard, so they come before every preference, and what is left is chosen from as ever. */
function freshChooser<TConnection, TPool>(
  { topology, clock, openRouter }: FreshParts<TConnection, TPool>,
  freshness: Freshness,
  unproven: ReadonlyMap<HostId, number>,
): HostChooser<TConnection, TPool> {
  return {
    chooseRather(target: Target, tried: ReadonlySet<HostId> | undefined, shunned: ReadonlySet<HostId> | undefined) {
      const isProven = (host: AnsweringHost): boolean => {
        const probe = unproven.get(host.hostId)
        return probe === undefined || answersFor(host, probe)
      }
      const fresh = freshOnly(topology(), freshness, clock.nowMs(), isProven)
      if (fresh === undefined) return undefined
      const router = openRouter()
      router.update(fresh)
      return router.chooseRather(target, tried, shunned)
    },
  }
}

/** Whether the last thing heard of a host is the answer to a later question than this probe. */
function answersFor({ probe, suspicion }: AnsweringHost, earlier: number): boolean {
  return suspicion === undefined && probe > earlier
}
