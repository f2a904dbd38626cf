import type { Subject } from '../run-seed.ts'
import { runSteps } from '../drain.ts'
import { FakeEventLoop } from '../../support/fake/event-loop.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { FleetDriver } from './fleet-driver.ts'
import { FleetProcess } from './fleet-process.ts'
import { FleetServer } from './fleet-server.ts'
import { PHASES } from './phases.ts'
import type { Phase } from './phases.ts'

const HOSTS = 5
const POOL_SIZE = 10
/** Every process has found the master, and its pools have the connections that the load asks for. */
const WARM_UP_MS = 8_000

/** The largest counts of one host, the worst of all hosts for each figure. */
export interface HostPeaks {
  readonly connects1s: number
  readonly connects100ms: number
  readonly probes1s: number
  readonly probes100ms: number
  /** Connects of probes, and what met nobody or a server that was starting. */
  readonly probeConnects1s: number
  readonly refusals1s: number
  /** The same in the last half of the outage, when the search has slowed down. */
  readonly lateRefusals1s: number
}

/** What a phase was like for the whole fleet. */
export interface PhaseResult {
  readonly phase: Phase
  readonly processes: number
  readonly peaks: HostPeaks
  /** From the moment at which a master takes writes again until each process has had one acknowledged, sorted. */
  readonly writtenAfterMs: readonly number[]
  /** How many `masterChange` events each process saw: the fewest and the most. */
  readonly masterChanges: readonly [least: number, most: number]
  readonly failedWrites: number
  readonly failedReads: number
  readonly neverWritten: number
}

/** Thousands of errors are made on purpose; where from is of no interest. */
async function withoutStacks<T>(run: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return await run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Takes a fleet of real managers through all phases, on one clock and against the same model servers. */
export function runFleet(processes: number, subject: Subject, seed = 1): Promise<readonly PhaseResult[]> {
  return withoutStacks(() => new Fleet(processes, subject, seed).run())
}

class Fleet {
  readonly #loop = new FakeEventLoop()
  readonly #servers: readonly FleetServer[]
  readonly #processes: readonly FleetProcess[]

  constructor(count: number, { BasePoolManager }: Subject, seed: number) {
    const loop = this.#loop
    this.#servers = Array.from({ length: HOSTS }, (_, index) => {
      return new FleetServer(
        `db${index + 1}:5432`,
        index === 0 ? 'master' : 'replica',
        loop,
        seededRandom(seed + index),
      )
    })
    const dsn = `postgresql://app@${this.#servers.map(({ hostId }) => hostId).join(',')}/app`
    this.#processes = Array.from({ length: count }, (_, index) => {
      const random = seededRandom(Math.imul(seed, 0x9e3779b1) + 7_919 * index)
      const driver = new FleetDriver(this.#servers, POOL_SIZE)
      return new FleetProcess(new BasePoolManager(driver, dsn, { clock: loop, random }), loop, random)
    })
  }

  async run(): Promise<readonly PhaseResult[]> {
    for (const process of this.#processes) process.start()
    await this.#runFor(WARM_UP_MS)
    const results: PhaseResult[] = []
    for (const phase of PHASES) results.push(await this.#runPhase(phase))
    const closing = Promise.all(this.#processes.map((process) => process.stop()))
    await this.#runFor(1_000)
    await closing
    return results
  }

  async #runPhase(phase: Phase): Promise<PhaseResult> {
    const startMs = this.#loop.nowMs()
    for (const process of this.#processes) process.begin()
    const at = (inMs: number, act: () => void): void => void this.#loop.afterIo(inMs, act)
    phase.begin(this.#servers, at)
    await this.#runFor(phase.lengthMs)
    const writableMs = startMs + phase.writableAfterMs
    const written = this.#processes.flatMap(({ writtenAtMs }) => (writtenAtMs === undefined ? [] : [writtenAtMs]))
    const changes = this.#processes.map(({ masterChanges }) => masterChanges)
    const sumOf = (pick: (process: FleetProcess) => number): number =>
      this.#processes.reduce((sum, process) => sum + pick(process), 0)
    return {
      phase,
      processes: this.#processes.length,
      peaks: this.#peaks(startMs, phase),
      writtenAfterMs: written.map((atMs) => atMs - writableMs).sort((one, other) => one - other),
      masterChanges: [Math.min(...changes), Math.max(...changes)],
      failedWrites: sumOf(({ failedWrites }) => failedWrites),
      failedReads: sumOf(({ failedReads }) => failedReads),
      neverWritten: this.#processes.length - written.length,
    }
  }

  #peaks(startMs: number, { lengthMs, writableAfterMs }: Phase): HostPeaks {
    const worst = (pick: (server: FleetServer) => number): number => Math.max(...this.#servers.map(pick))
    const endMs = startMs + lengthMs
    const lateMs = startMs + writableAfterMs / 2
    const writableMs = startMs + writableAfterMs
    return {
      connects1s: worst(({ connects }) => connects.pool.peak(1_000, startMs, endMs)),
      connects100ms: worst(({ connects }) => connects.pool.peak(100, startMs, endMs)),
      probes1s: worst(({ probes }) => probes.peak(1_000, startMs, endMs)),
      probes100ms: worst(({ probes }) => probes.peak(100, startMs, endMs)),
      probeConnects1s: worst(({ connects }) => connects.probe.peak(1_000, startMs, endMs)),
      refusals1s: worst(({ refusals }) => refusals.peak(1_000, startMs, endMs)),
      lateRefusals1s: worst(({ refusals }) => refusals.peak(1_000, lateMs, writableMs)),
    }
  }

  async #runFor(forMs: number): Promise<void> {
    let isOver = false
    this.#loop.afterIo(forMs, () => {
      isOver = true
    })
    await runSteps(() => !isOver && this.#loop.step())
  }
}
