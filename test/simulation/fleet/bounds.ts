import { CALLS_IN_1S, LONGEST_WRITE_GAP_MS } from './fleet-process.ts'
import { CONNECT_COST_MS } from './fleet-server.ts'
import type { PhaseResult } from './phase-result.ts'
import { peak, phaseOf } from './phase-result.ts'

/** No host is probed more often than every 20 ms by one process (law 9), so in 1 s and 100 ms at most: */
const PROBES_IN_1S = 50
const PROBES_IN_100MS = 6
/** One that has to be connected to anew, at most every 50 ms. */
const CONNECTS_OF_PROBES_IN_1S = 21
/**
 * The search slows down to a pause of 50 to 250 ms, evenly spread: a probe each 150 ms on average, and a tenth of chance.
 * Whoever comes to wait for a host may cut a pause short.
 */
const LATE_SEARCH_IN_1S = (1_000 / 150) * 1.1 + CALLS_IN_1S
/** The search adds 2 % of the outage, at least 20 + 10 ms and at most 250 ms. */
const SEARCH = { share: 0.02, leastMs: 30, mostMs: 250 }
/** Round trips of a probe, a connect, a write; whole milliseconds of timers. */
const ROUND_TRIPS_MS = 30
/** At most two connections are made at a time by one process at one host. */
const CREATORS = 2

/** What a fleet may do to a new master, as a share of what it would do without limits. */
const SHARE_OF_NAIVE = 0.1

/** The peak of pool connects on one host in 1 s, as a share of that of a fleet without limits. */
export function shareOfNaive(result: PhaseResult, naive: PhaseResult): number {
  return peak(result, 'poolConnects', 1_000) / peak(naive, 'poolConnects', 1_000)
}

/** Whether the fleet stormed the new master after all; for a small one, chance is given a `margin`. */
export function missedShare(result: PhaseResult, naive: PhaseResult, margin: number = 1): readonly string[] {
  const [share, most] = [shareOfNaive(result, naive), SHARE_OF_NAIVE * margin]
  const words = `${(100 * share).toFixed(1)} % of the connects of a fleet without limits, at most ${(100 * most).toFixed(0)} %`
  return share > most ? [`${phaseOf(result).name}: ${words}`] : []
}

/** What a phase missed of that which the laws promise a fleet; nothing, if all is well. */
export function missedBounds(result: PhaseResult): readonly string[] {
  const { processes, writtenAfterMs, masterChanges } = result
  const { name, outageMs, masterChangesOfEach, restartsAll } = phaseOf(result)
  const probesOfNew = restartsAll ? 1 : 0
  const searchMs = Math.min(SEARCH.mostMs, Math.max(SEARCH.leastMs, SEARCH.share * outageMs))
  // Before the last process has its first connection, the host makes at worst what all may have under way at once.
  const connectsMs = processes * (CREATORS + probesOfNew) * CONNECT_COST_MS
  // Without an outage a process writes again with its next call.
  const writtenMs = outageMs === 0 ? LONGEST_WRITE_GAP_MS + ROUND_TRIPS_MS : searchMs + connectsMs + ROUND_TRIPS_MS
  const lastWrittenMs = writtenAfterMs.at(-1) ?? Infinity
  const checks: readonly (readonly [what: string, seen: number, most: number])[] = [
    ['probes of one host in 1 s', peak(result, 'probes', 1_000), processes * PROBES_IN_1S],
    ['probes of one host in 100 ms', peak(result, 'probes', 100), processes * PROBES_IN_100MS],
    ['refused connects at one host in 1 s', peak(result, 'refusals', 1_000), processes * CONNECTS_OF_PROBES_IN_1S],
    [
      'refused connects at one host in 1 s, when the outage has lasted',
      peak(result, 'refusals', 1_000, outageMs / 2, outageMs),
      outageMs >= 2 * 12_500 ? processes * LATE_SEARCH_IN_1S : Infinity,
    ],
    ['processes that have not written again', processes - writtenAfterMs.length, 0],
    ['ms until every process has written again', lastWrittenMs, writtenMs],
    ['masterChange events in one process', masterChanges[1], masterChangesOfEach],
  ]
  const missed = checks.filter(([, seen, most]) => seen > most)
  const words = missed.map(([what, seen, most]) => `${name}: ${what}: ${seen.toFixed(0)}, at most ${most.toFixed(0)}`)
  if (masterChanges[0] < masterChangesOfEach) words.push(`${name}: a process missed the change of master`)
  return words
}
