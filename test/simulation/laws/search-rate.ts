import { isAnswering } from '../../../src/topology/host-description.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { World } from '../world.ts'

/** The pauses that law 9 allows: of a host that answers, and of one that has to be connected to anew. */
const LEAST_MS = { answering: 20, silent: 50 }
const SPREAD_MS = 10
const MOST_MS = 250
/** A timer counts whole milliseconds. */
const SLACK_MS = 2
/** Outages in which jitter can be told from the schedule, and callers' demands (one in 100 ms) do not show yet. */
const JITTER_FROM_MS = 1_500
const JITTER_UNTIL_MS = 5_000
/** So many pauses in a row from the upper end: chance does that once in 10^9 runs. */
const JITTER_SAMPLES = 18
const UPPER_END = 0.7

/**
 * Law 9: while no master is known, each host is probed again 2 % of the outage after its last probe, within 20 ms and
 * 250 ms; and the pauses are drawn from their whole range, so that a fleet does not keep step.
 */
export function checkSearchRate(world: World): void {
  const endedAtMs = new Map<string, number>()
  const ended = (probe: FakeProbe): void => {
    if (!world.probes.isFresh(probe)) endedAtMs.set(probe.hostId, world.loop.nowMs())
  }
  let upper = 0
  let others = 0
  world.announcer.on('probeAnswered', ended)
  world.announcer.on('probeDropped', ended)
  world.announcer.on('probeAsked', (probe) => {
    const { hostId } = probe
    if (world.probes.isFresh(probe)) return
    const endMs = endedAtMs.get(hostId)
    const { masterlessSinceMs: sinceMs } = world.topology
    endedAtMs.delete(hostId)
    if (endMs === undefined || sinceMs === undefined || world.lastStallMs > endMs) return
    const host = world.hostNamed(hostId)
    if (host === undefined || host.kind === 'rejected') return
    const nowMs = world.loop.nowMs()
    const leastMs = isAnswering(host) ? LEAST_MS.answering : LEAST_MS.silent
    const mostMs = Math.max(leastMs + SPREAD_MS, Math.min(MOST_MS, 0.02 * (nowMs - sinceMs)))
    const pauseMs = nowMs - Math.max(endMs, sinceMs)
    if (pauseMs > mostMs + SLACK_MS) {
      const outageMs = (nowMs - sinceMs).toFixed(0)
      world.violated('law 9', `${hostId} was left alone for ${pauseMs.toFixed(1)} ms, ${outageMs} ms into the outage`)
    }
    if (endMs < sinceMs + JITTER_FROM_MS || nowMs > sinceMs + JITTER_UNTIL_MS || !isAnswering(host)) return
    if (pauseMs - leastMs > UPPER_END * (mostMs - leastMs)) upper += 1
    else others += 1
    if (others === 0 && upper >= JITTER_SAMPLES) world.violated('law 9', `${upper} pauses of the search without jitter`)
  })
}
