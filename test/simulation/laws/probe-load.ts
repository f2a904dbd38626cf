import { IDENTITY_QUERY, ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { World } from '../world.ts'

/** 20 ms, by a timer that may fire up to one early. */
const LEAST_GAP_MS = 19

/**
 * I13: at most two probe connections to each host, the open one and a fresh one that is tried beside it; on each at most one probe in
 * flight; and the probes of the open one begin at least 20 ms apart. A probe is one question, or the two or three that a new
 * connection begins with.
 *
 * Law 13: no probe is given up while its answer lies unread after a stall of the event loop, unless a fresh connection has answered.
 */
export function checkProbeLoad(world: World): void {
  const begunAtMs = new Map<string, number>()
  const introduced = new WeakSet<FakeProbe>()
  const answeredAtMs = new WeakMap<FakeProbe, number>()
  world.announcer.on('probeOpened', ({ hostId }) => {
    const { size } = world.probes.of(hostId)
    if (size > 2) world.violated('I13', `${size} probe connections to ${hostId}`)
  })
  world.announcer.on('probeAsked', (probe, statement) => {
    const { hostId } = probe
    if (!world.probes.of(hostId).has(probe)) {
      world.violated('I13', `a probe over a connection to ${hostId} that was dropped`)
    }
    const goesOn = statement !== IDENTITY_QUERY && !introduced.has(probe)
    if (statement !== IDENTITY_QUERY && statement !== ROLE_QUERY) return
    if (goesOn) return void introduced.add(probe)
    if (world.probes.isFresh(probe)) return
    const gapMs = world.loop.nowMs() - (begunAtMs.get(hostId) ?? -Infinity)
    if (gapMs < LEAST_GAP_MS) world.violated('I13', `${hostId} was probed twice within ${gapMs.toFixed(2)} ms`)
    begunAtMs.set(hostId, world.loop.nowMs())
  })
  world.announcer.on('probeAnswered', (probe) => answeredAtMs.set(probe, world.loop.nowMs()))
  world.announcer.on('probeDropped', (probe) => {
    const { hostId } = probe
    const isReplaced = [...world.probes.of(hostId)].some((each) => answeredAtMs.get(each) === world.loop.nowMs())
    const sinceMs = probe.isAsking && !world.isClosing && !isReplaced ? probe.unreadSinceMs : undefined
    if (sinceMs !== undefined && sinceMs < world.loop.nowMs() && !world.probes.isFresh(probe)) {
      const unreadMs = world.loop.nowMs() - sinceMs
      world.violated('law 13', `a probe of ${hostId} was given up; its answer lay unread ${unreadMs} ms`)
    }
  })
}
