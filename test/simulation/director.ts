import { detachmentOf } from '../../src/topology/host-description.ts'
import { WRITER } from '../support/fake/routes.ts'
import { strike } from './faults.ts'
import type { Scenario } from './scenario.ts'
import type { Tally } from './tally.ts'
import type { Workload } from './workload.ts'
import type { World } from './world.ts'

/** A host that refuses us by configuration is asked again after at most this long. */
const REJECTED_MS = 30_000
/** Saying goodbye on close takes at most this long, and a timer a little more. */
const FAREWELL_MS = 260

/** A move that was under way, a look of the proxy, and a fresh connection. */
const MOVED_MS = 1_500 + 50 + 900
/** After a stall so long the manager has been without a master for long, and the fresh connection comes up to so much later. */
const LONG_STALL_MS = 45_000
const LATER_MS = 5_400 - 900
/** With a reader that still leads to the new master, the writer has no haste to be tried anew. */
const RENEWED_MS = 60_000

function endpointMs({ endpoints, stalls }: Scenario): number {
  if (endpoints === 'none') return 0
  const movedMs = MOVED_MS + (stalls.some(({ forMs }) => forMs >= LONG_STALL_MS) ? LATER_MS : 0)
  return endpoints === 'writer' ? movedMs : movedMs + RENEWED_MS
}

/** Lets the scenario happen: starts the application, strikes, heals, and closes. */
export class Director {
  readonly #world: World
  readonly #workload: Workload
  readonly #tally: Tally
  #isOver = false

  constructor(world: World, workload: Workload, tally: Tally) {
    this.#world = world
    this.#tally = tally
    this.#workload = workload
  }

  /** The run has come to its end. */
  get isOver(): boolean {
    return this.#isOver
  }

  begin(): void {
    const { scenario, cluster } = this.#world
    this.#workload.start()
    for (const fault of scenario.faults) {
      cluster.later(fault.atMs, () => {
        this.#world.note(() => `FAULT ${fault.kind} at host ${fault.host + 1} for ${fault.forMs.toFixed(0)} ms`)
        this.#tally.struck(fault)
        strike(fault, cluster)
      })
    }
    this.#armStalls()
    this.#schedule()
  }

  #schedule(): void {
    const { loop, scenario } = this.#world
    const { ending, chaosMs } = scenario
    if (ending.kind === 'quiet') loop.afterIo(chaosMs, () => this.#calmDown())
    else loop.afterIo(ending.atMs, () => this.#close(ending.kind === 'close' ? ending.timeoutMs : undefined))
  }

  /** A stall while a probe is under way is the one that matters most. */
  #armStalls(): void {
    const { announcer, loop, scenario, cluster } = this.#world
    for (const { atMs, forMs, meetsProbe } of scenario.stalls) {
      if (!meetsProbe) cluster.later(atMs, () => this.#stall(forMs))
    }
    const stalls = scenario.stalls.filter(({ meetsProbe }) => meetsProbe)
    stalls.sort((one, other) => other.atMs - one.atMs)
    announcer.on('probeAsked', () => {
      const next = stalls.at(-1)
      if (next === undefined || next.atMs > loop.nowMs() || cluster.isQuiet) return
      stalls.pop()
      loop.afterIo(0.25, () => this.#stall(next.forMs))
    })
  }

  #stall(forMs: number): void {
    const { loop, cluster } = this.#world
    if (cluster.isQuiet) return
    this.#world.note(() => `the event loop stands still for ${forMs} ms`)
    loop.stall(forMs)
    this.#world.lastStallMs = loop.nowMs()
  }

  /** I11: everything is healed; a writer and a reader who ask now are served within the bound. */
  #calmDown(): void {
    const { cluster, loop, scenario } = this.#world
    this.#world.note(() => 'HEALED')
    cluster.heal()
    this.#world.isHealed = true
    this.#workload.releaseAll()
    const { refreshDelayMs, refreshTimeoutMs, connectTimeoutMs } = scenario.options
    const probeMs = refreshDelayMs + refreshTimeoutMs + Math.max(refreshTimeoutMs, connectTimeoutMs)
    const wasRejected = scenario.faults.some(({ kind }) => kind === 'access')
    const boundMs = 2 * probeMs + connectTimeoutMs + 1_000 + (wasRejected ? REJECTED_MS : 0) + endpointMs(scenario)
    this.#workload.call('master', boundMs, !wasRejected)
    this.#workload.call('replica', boundMs, !wasRejected)
    this.#waitForCalm(loop.nowMs() + boundMs + 10)
  }

  /** Until the bound, the snapshot becomes the truth again: one master, the true one; all others follow it. */
  #waitForCalm(untilMs: number): void {
    const { loop } = this.#world
    const wrong = this.#whatIsWrong()
    if (wrong === undefined) this.#leaveInPeace()
    else if (loop.nowMs() < untilMs) loop.afterIo(200, () => this.#waitForCalm(untilMs))
    else this.#world.violated('I11', `after everything was healed ${wrong}`)
  }

  #leaveInPeace(): void {
    this.#workload.stop()
    this.#workload.releaseAll()
    this.#close(1_000)
  }

  #whatIsWrong(): string | undefined {
    const { cluster, topology, scenario } = this.#world
    const { endpoints } = scenario
    for (const host of topology.hosts.values()) {
      const isMaster = endpoints === 'none' ? host.hostId === cluster.master?.hostId : host.hostId === WRITER
      const wanted = isMaster ? 'master' : 'replica'
      const isDoubted = 'suspicion' in host && host.suspicion !== undefined
      const detached = detachmentOf(host)
      if (detached !== undefined)
        return `${host.hostId}, which follows, is held to be detached by its ${detached.reason}`
      if (host.kind !== wanted || isDoubted)
        return `${host.hostId}, a ${wanted} in good order, is known as ${host.kind}`
    }
    return this.#workload.isServed ? undefined : 'a caller is still waiting'
  }

  #close(timeoutMs: number | undefined): void {
    const { db, loop } = this.#world
    this.#world.note(() => (timeoutMs === undefined ? 'TERMINATE' : `CLOSE within ${timeoutMs} ms`))
    this.#workload.stop()
    this.#world.isClosing = true
    const limitMs = loop.nowMs() + (timeoutMs ?? 0) + FAREWELL_MS
    const closing = timeoutMs === undefined ? db.terminate() : db.close({ timeoutMs })
    const done = (): void => {
      const isLate = loop.nowMs() > limitMs && this.#world.lastStallMs < limitMs - FAREWELL_MS - (timeoutMs ?? 0)
      if (isLate) this.#world.violated('I5', `close took until ${loop.nowMs()}, not ${limitMs}`)
      this.#world.note(() => 'CLOSED')
      loop.afterIo(0, () => this.#finish())
    }
    closing.then(done, (error: unknown) => this.#world.violated('I6', `close rejected: ${String(error)}`))
    this.#expectClosed(limitMs - loop.nowMs() + 10_000)
  }

  /** A stall may carry us past any moment with the work of that time undone: then wait once more. */
  #expectClosed(inMs: number): void {
    const { db, loop } = this.#world
    const startedAtMs = loop.nowMs()
    loop.afterIo(inMs, () => {
      if (db.closed) return
      if (this.#world.lastStallMs > startedAtMs) this.#expectClosed(inMs)
      else this.#world.violated('I5', 'close never resolved')
    })
  }

  #finish(): void {
    this.#world.announcer.tell('closed')
    // A while for whatever may still come.
    this.#world.loop.afterIo(200, () => {
      this.#isOver = true
    })
  }
}
