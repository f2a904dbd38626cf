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
