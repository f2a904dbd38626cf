import { expect, test } from 'vitest'
import type { WaitOptions } from '../../src/manager/acquire-options.ts'
import type { AnsweringHost } from '../../src/topology/host-description.ts'
import { masters, replicas } from '../../src/topology/topology.ts'
import type { Topology } from '../../src/topology/topology.ts'
import type { ScriptedClient } from './scripted/connection.ts'
import type { HostSetting, Rig, RigOptions } from './scripted/rig.ts'
import { rig } from './scripted/rig.ts'
import { kindsOf } from './topology.ts'

/** What is to be seen; what is left out may be anything. */
export interface Expected {
  /** The host that takes writes; `null` for none. A lease is asked for, to see that selection agrees. */
  readonly master?: string | null
  /** The hosts that take reads, in the order of the DSN. */
  readonly replicas?: readonly string[]
  readonly states?: Readonly<Record<string, string>>
  /** The events since the phase began, in order; `:5432` is left out. */
  readonly events?: readonly string[]
}

/** One phase of a story: at `atMs` the servers become `set`, and when the phase ends `expect` is the case. */
export interface Phase {
  readonly atMs: number
  readonly set?: Readonly<Record<string, HostSetting>>
  /** The event loop of the application stands still for this long. */
  readonly stallMs?: number
  /** What is expected must be the case this soon already, and stay so until the phase ends. */
  readonly withinMs?: number
  readonly expect: Expected
}

/** How long the last phase of a story lasts. */
const LAST_PHASE_MS = 4_000

/**
 * Tells a story in phases on a real manager, scripted servers and a fake clock. The hosts of the DSN are those that the
 * first phase sets. All along there is at most one master, and time does not run backwards; afterwards nothing is left.
 */
export function scenario(title: string, phases: readonly [Phase, ...Phase[]], options: RigOptions = {}): void {
  test(title, async () => {
    const story = rig(phases[0].set ?? {}, options)
    const broken = watchInvariants(story, options.multiMaster === true)
    story.db.start()
    for (const [index, phase] of phases.entries()) {
      const next = phases[index + 1]
      await play(story, phase, next?.atMs ?? phase.atMs + LAST_PHASE_MS)
      expect(broken).toEqual([])
    }
    await finish(story)
  })
}

async function play(story: Rig, phase: Phase, endMs: number): Promise<void> {
  const { clock } = story
  story.events.length = 0
  story.set(phase.set ?? {})
  if (phase.stallMs !== undefined) await clock.stall(phase.stallMs)
  if (phase.withinMs !== undefined) {
    await clock.advance(phase.atMs + phase.withinMs - clock.nowMs())
    see(story, phase, `within ${phase.withinMs} ms of ${phase.atMs} ms`)
  }
  await clock.advance(endMs - clock.nowMs())
  see(story, phase, `at ${endMs} ms`)
  await seeLeases(story, phase)
}

function see({ db, events }: Rig, { expect: wanted }: Phase, when: string): void {
  const plain = (text: string): string => text.replaceAll(':5432', '')
  const { topology } = db
  if (wanted.master !== undefined) expect(nameOf(masters(topology)[0]), when).toBe(wanted.master)
  if (wanted.replicas !== undefined) expect(replicas(topology).map(nameOf), when).toEqual(wanted.replicas)
  if (wanted.states !== undefined) expect(kindsOf(topology), when).toMatchObject(wanted.states)
  if (wanted.events !== undefined) expect(events.map(plain), when).toEqual(wanted.events)
}

/** Leases must agree with what is seen, at once: no time passes. */
async function seeLeases({ db, clock, events }: Rig, { expect: wanted }: Phase): Promise<void> {
  const before = events.length
  if (wanted.master !== undefined) expect(await leasedHost((options) => db.acquireMaster(options))).toBe(wanted.master)
  if (wanted.replicas !== undefined) {
    const host = await leasedHost((options) => db.acquireReplica(options))
    if (wanted.replicas.length === 0) expect(host).toBe(null)
    else expect(wanted.replicas).toContain(host)
  }
  events.length = before

  async function leasedHost(acquire: (options: WaitOptions) => Promise<ScriptedClient>): Promise<string | null> {
    const abort = new AbortController()
    const lease = acquire({ signal: abort.signal }).then(
      (connection) => {
        connection.release()
        return connection.hostId.replace(':5432', '')
      },
      () => null,
    )
    await clock.settle()
    abort.abort()
    return lease
  }
}

function watchInvariants({ db }: Rig, multiMaster: boolean): string[] {
  const broken: string[] = []
  let before: Topology = db.topology
  db.on('topologyChange', ({ topology }) => {
    const { fencing } = topology
    if (topology.revision <= before.revision) broken.push('the revision did not grow')
    if (fencing.epoch < before.fencing.epoch) broken.push('the epoch went back')
    const writable = masters(topology)
    const isBelow = ({ answer, implausible }: AnsweringHost): boolean =>
      implausible === undefined && (answer.timeline ?? Infinity) < fencing.highestTimeline
    if (!multiMaster && writable.length > 1) broken.push('two masters')
    if (!multiMaster && writable.some(isBelow)) {
      broken.push('a stale master')
    }
    before = topology
  })
  return broken
}

/** Closes the manager, and looks for what it left behind. */
export async function finish({ db, clock, driver }: Rig): Promise<void> {
  const closed = db.close()
  await clock.advance(10_000)
  await closed
  expect(clock.openTimers).toBe(0)
  for (const host of driver.hosts) expect([host.probes.size, host.connections.size, host.pool?.open]).toEqual([0, 0, 0])
}

const nameOf = (host: { readonly hostId: string } | undefined): string | null =>
  host?.hostId.replace(':5432', '') ?? null
