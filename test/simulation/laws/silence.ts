import { isAnswering } from '../../../src/topology/host-description.ts'
import type { FakeServer } from '../../support/fake/fake-server.ts'
import type { World } from '../world.ts'

/** What timers and the least pause between two checks add. */
const LATE_MS = 100
/** What an answer on its way, a slow server and whole milliseconds may add. */
const SLACK_MS = 700

/**
 * Law 12: a host that fell silent (frozen, or the way to it cut) is under suspicion after one pause and one probe
 * deadline, and unreachable after one more. Judged when the silence has lasted so long without a break, and the event
 * loop did not stand still meanwhile.
 */
export function checkSilence(world: World): void {
  const { refreshDelayMs, refreshTimeoutMs, connectTimeoutMs } = world.scenario.options
  const suspectMs = refreshDelayMs + refreshTimeoutMs + SLACK_MS
  const goneMs = suspectMs + Math.max(refreshTimeoutMs, connectTimeoutMs)
  const arrivedMs = new Map<string, number>()
  // A check that was sent before the last sign of life is not the first of the two that count.
  world.announcer.on('arrived', ({ pool }, atMs) => arrivedMs.set(pool.hostId, atMs))
  const lastSignMs = (server: FakeServer): number => (arrivedMs.get(server.hostId) ?? -Infinity) + 3 * refreshTimeoutMs
  const goneByMs = (sinceMs: number, server: FakeServer): number =>
    Math.max(Math.max(sinceMs, answeredMs(world, server)) + goneMs, lastSignMs(server) + LATE_MS)
  const silent = new Map<FakeServer, { readonly sinceMs: number; suspected: boolean; gone: boolean }>()
  world.announcer.on('step', () => {
    const nowMs = world.loop.nowMs()
    for (const server of world.cluster.servers) {
      const known = silent.get(server)
      if (!server.isSilent) silent.delete(server)
      else if (known === undefined) silent.set(server, { sinceMs: nowMs, suspected: false, gone: false })
      else if (world.lastStallMs > known.sinceMs || world.isClosing) continue
      else if (!known.suspected && nowMs > Math.max(known.sinceMs, answeredMs(world, server)) + suspectMs) {
        known.suspected = true
        expect(world, server, false)
      } else if (!known.gone && nowMs > goneByMs(known.sinceMs, server)) {
        known.gone = true
        expect(world, server, true)
      }
    }
  })
}

/** An answer that was sent before the silence may be delivered in the midst of it, and counts. */
function answeredMs(world: World, { hostId }: FakeServer): number {
  const host = [...world.topology.hosts.values()].find((each) => each.hostId === hostId)
  return host !== undefined && isAnswering(host) ? host.seenAtMs : -Infinity
}

function expect(world: World, { hostId }: FakeServer, isGone: boolean): void {
  const host = [...world.topology.hosts.values()].find((each) => each.hostId === hostId)
  if (host === undefined || !isAnswering(host)) return
  if (host.suspicion === undefined) world.violated('law 12', `${hostId} fell silent, but is not under suspicion`)
  else if (isGone) world.violated('law 12', `${hostId} has been silent for long, but is not unreachable`)
}
