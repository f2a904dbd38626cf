import type { Random } from '../random/random.ts'
import type { Milliseconds } from '../time/milliseconds.ts'
import { ms } from '../time/milliseconds.ts'
import type { HostDescription } from '../topology/host-description.ts'
import { isAnswering } from '../topology/host-description.ts'

/** No host is probed more often than this, whatever happens. */
export const MIN_GAP_MS: Milliseconds = ms(20)
/** A caller who finds no suitable host may ask for a probe this often. */
export const DEMAND_GAP_MS: Milliseconds = ms(100)
/** While no master is known, no host is probed less often than this. */
const SEARCH_MAX_MS = 250
/** Spread of the shortest search interval, so that a fleet does not keep step. */
const SEARCH_SPREAD_MS = 10
/** A host that has to be connected to anew costs more than one that is asked over an open connection. */
const RECONNECT_MIN_MS = 50
/** A host that refuses us by configuration is left alone this long (no retry storm, no lock-out). */
const REJECTED_MS = 30_000
/** How often a starting or recovering server is tried while there is another master. */
const NOT_READY_MS = 250

/** A fresh connection is tried beside the open one after half of this to the whole of it, counted from the newest one. */
const RENEWAL_MS = 60_000
/** While no master is known it is this long at least, and at most so much longer; no two are begun closer to each other. */
const RENEWAL_SEARCH_MS = { least: 500, spread: 400 }
/**
 * From then on it grows with the search: to six times as long, and without such a limit where there never was a master to be found, as
 * where the DSN names replicas alone.
 */
const RENEWAL_GROWS_AFTER_MS = 45_000
const RENEWAL_GROWTH = 6
/** What a pooler tells new connections may be what its own server told it long ago, so that alone is followed no more often than this. */
const RENEWAL_TOLD_MS = 5_000

/** What the next probe's time depends on. */
export interface ScheduleInput {
  readonly host: HostDescription
  /** For how long no master has been known; undefined while one is. */
  readonly masterlessMs: number | undefined
  readonly refreshDelayMs: Milliseconds
  readonly random: Random
}

/**
 * How long to wait before a host's next probe, counted from the end of the last one.
 *
 * While no master is known this is 2 % of the outage so far, between 20 ms and 250 ms, with full jitter (law 9), so that
 * finding the new master adds at most about 2 % to any outage, and a fleet does not storm.
 */
export function nextDelayMs({ host, masterlessMs, refreshDelayMs, random }: ScheduleInput): Milliseconds {
  if (host.kind === 'rejected') return ms(REJECTED_MS * (0.75 + 0.25 * random()))
  if (isAnswering(host) && host.suspicion !== undefined && host.suspicion.fault !== 'path') return ms(0)
  const steadyMs = refreshDelayMs * (1 - 0.1 * random())
  if (masterlessMs !== undefined) return ms(Math.min(steadyMs, searchDelayMs(host, masterlessMs, random)))
  if (host.kind === 'not-ready') return ms(Math.min(steadyMs, NOT_READY_MS * (0.5 + 0.5 * random())))
  return ms(steadyMs)
}

function searchDelayMs(host: HostDescription, masterlessMs: number, random: Random): number {
  const leastMs = isAnswering(host) ? MIN_GAP_MS : RECONNECT_MIN_MS
  const mostMs = Math.max(leastMs + SEARCH_SPREAD_MS, Math.min(SEARCH_MAX_MS, 0.02 * masterlessMs))
  return leastMs + random() * (mostMs - leastMs)
}

/** What the time of the next fresh connection depends on. */
export interface RenewalInput {
  /** When the newest probe connection to the host was begun. */
  readonly openedAtMs: Milliseconds
  /** Since when no master has been known, or the open connection has led where another host leads; undefined: neither. */
  readonly searchingSinceMs: Milliseconds | undefined
  /** Whether a master has ever been known. */
  readonly hadMaster: boolean
  /** When a connection led to a server of another role than the host's; undefined: none has since the newest was begun. */
  readonly doubtedAtMs: Milliseconds | undefined
  /** When a server told a new connection that it has another role than the host; undefined: none has since the newest was begun. */
  readonly toldAtMs: Milliseconds | undefined
  /** Drawn once for each connection, from 0 to below 1. */
  readonly share: number
}

/**
 * When a fresh probe connection is tried beside the one that is open (law 4): 30 to 60 s after the newest one was begun, and
 * while no master is known, or the host has become another host's server, 500 to 900 ms, the first ones spread over 500 ms, lest a
 * fleet comes all at once; after 45 s of that 1 to 2 % of the search so far, and 3 to 5.4 s at most if there has been a master. When a
 * connection led to a server of another role, one is tried at once, if the newest is old enough; 5 s old when the server only said so.
 */
export function renewalAtMs(given: RenewalInput): Milliseconds {
  const { openedAtMs, searchingSinceMs, hadMaster, doubtedAtMs, toldAtMs, share } = given
  const { least, spread } = RENEWAL_SEARCH_MS
  const times = [openedAtMs + RENEWAL_MS * (0.5 + 0.5 * share)]
  if (searchingSinceMs !== undefined) {
    const most = hadMaster ? RENEWAL_GROWTH : Infinity
    const growth = Math.min(most, Math.max(1, (openedAtMs - searchingSinceMs) / RENEWAL_GROWS_AFTER_MS))
    times.push(Math.max(openedAtMs + growth * (least + share * spread), searchingSinceMs + share * least))
  }
  if (doubtedAtMs !== undefined) times.push(Math.max(openedAtMs + least, doubtedAtMs))
  if (toldAtMs !== undefined) times.push(Math.max(openedAtMs + RENEWAL_TOLD_MS, toldAtMs))
  return ms(Math.min(...times))
}
