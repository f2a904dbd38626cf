import { IDENTITY_QUERY, ROLE_QUERY } from '../../../src/monitor/role-query.ts'
import type { FakeProbe } from '../../support/fake/fake-probe.ts'
import type { World } from '../world.ts'

/** 20 ms, by a timer that may fire up to one early. */
const LEAST_GAP_MS = 19

/**
 * I13: one probe connection to each host, at most one probe in flight on it, and probes begin at least 20 ms apart. A
 * probe is one question, or the two or three that a new connection begins with.
 *
 * Law 13: no probe is given up while its answer lies unread after a stall of the event loop.
 */
export function checkProbeLoad(world: World): void {
  const open = new Map<string, FakeProbe>()
  const begunAtMs = new Map<string, number>()
  const introduced = new WeakSet<FakeProbe>()
  world.announcer.on('probeOpened', (probe) => {
    const { hostId } = probe.server
    if (open.has(hostId)) world.violated('I13', `a second probe connection to ${hostId}`)
    open.set(hostId, probe)
  })
  world.announcer.on('probeAsked', (probe, statement) => {
    const { hostId } = probe.server
    if (open.get(hostId) !== probe) world.violated('I13', `a probe over a connection to ${hostId} that was dropped`)
    const goesOn = statement !== IDENTITY_QUERY && !introduced.has(probe)
    if (statement !== IDENTITY_QUERY && statement !== ROLE_QUERY) return
    if (goesOn) return void introduced.add(probe)
    const gapMs = world.loop.nowMs() - (begunAtMs.get(hostId) ?? -Infinity)
    if (gapMs < LEAST_GAP_MS) world.violated('I13', `${hostId} was probed twice within ${gapMs.toFixed(2)} ms`)
    begunAtMs.set(hostId, world.loop.nowMs())
  })
  world.announcer.on('probeDropped', (probe) => {
    open.delete(probe.server.hostId)
    const sinceMs = probe.isAsking && !world.isClosing ? probe.unreadSinceMs : undefined
    if (sinceMs !== undefined && sinceMs < world.loop.nowMs()) {
      const unreadMs = world.loop.nowMs() - sinceMs
      world.violated('law 13', `a probe of ${probe.server.hostId} was given up; its answer lay unread ${unreadMs} ms`)
    }
  })
}
