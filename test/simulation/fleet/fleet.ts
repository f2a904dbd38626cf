import type { Subject } from '../run-seed.ts'
import { runSteps } from '../drain.ts'
import { FakeEventLoop } from '../../support/fake/event-loop.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { FleetDriver } from './fleet-driver.ts'
import { FleetProcess } from './fleet-process.ts'
import { FleetServer } from './fleet-server.ts'
import type { PhaseResult } from './phase-result.ts'
import { PHASES } from './phases.ts'
import type { Phase } from './phases.ts'

const HOSTS = 5
const POOL_SIZE = 10
/** Every process has found the master, and its pools have the connections that the load asks for. */
const WARM_UP_MS = 6_000

/** A part of a fleet: so many of so many processes, from `first` on. The servers have a like share of their power. */
export interface FleetPart {
  readonly fleet: number
  readonly first: number
  readonly count: number
}

/** Takes a part of a fleet of real managers through phases, on one clock and against the same model servers. */
export async function runFleetPart(
  part: FleetPart,
  subject: Subject,
  phases: readonly Phase[] = PHASES,
): Promise<readonly PhaseResult[]> {
  const { stackTraceLimit } = Error
  // Thousands of errors are made on purpose; where from is of no interest.
  Error.stackTraceLimit = 0
  try {
    return await new Fleet(part, subject).run(phases)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

class Fleet {
  readonly #loop = new FakeEventLoop()
  readonly #servers: readonly FleetServer[]
  readonly #processes: readonly FleetProcess[]

  constructor({ fleet, first, count }: FleetPart, { BasePoolManager }: Subject) {
    const loop = this.#loop
    this.#servers = Array.from({ length: HOSTS }, (_, index) => {
      const role = index === 0 ? 'master' : 'replica'
      return new FleetServer(`db${index + 1}:5432`, role, count / fleet, loop, seededRandom(1_000 * first + index))
    })
    const dsn = `postgresql://app@${this.#servers.map(({ hostId }) => hostId).join(',')}/app`
    this.#processes = Array.from({ length: count }, (_, index) => {
      const random = seededRandom(Math.imul(first + index + 1, 0x9e3779b1))
      const driver = new FleetDriver(this.#servers, POOL_SIZE)
      return new FleetProcess(new BasePoolManager(driver, dsn, { clock: loop, random }), loop, random)
    })
  }

  async run(phases: readonly Phase[]): Promise<readonly PhaseResult[]> {
    for (const process of this.#processes) process.start()
    await this.#runFor(WARM_UP_MS)
    const results: PhaseResult[] = []
    for (const phase of phases) results.push(await this.#runPhase(phase))
    const closing = Promise.all(this.#processes.map((process) => process.stop()))
    await this.#runFor(1_000)
    await closing
    return results
  }

  async #runPhase(phase: Phase): Promise<PhaseResult> {
    const startMs = this.#loop.nowMs()
    for (const process of this.#processes) process.begin()
    phase.begin(this.#servers, (inMs, act) => void this.#loop.afterIo(inMs, act))
    await this.#runFor(phase.lengthMs)
    const endMs = this.#loop.nowMs()
    const writableMs = startMs + phase.outageMs
    const written = this.#processes.flatMap(({ writtenAtMs }) => (writtenAtMs === undefined ? [] : [writtenAtMs]))
    const changes = this.#processes.map(({ masterChanges }) => masterChanges)
    return {
      phase: PHASES.indexOf(phase),
      processes: this.#processes.length,
      hosts: this.#servers.map(({ connects, refusals, probes }) => ({
        poolConnects: connects.pool.between(startMs, endMs),
        probeConnects: connects.probe.between(startMs, endMs),
        refusals: refusals.between(startMs, endMs),
        probes: probes.between(startMs, endMs),
      })),
      writtenAfterMs: written.map((atMs) => atMs - writableMs).sort((one, other) => one - other),
      masterChanges: [Math.min(...changes), Math.max(...changes)],
      failedWrites: this.#processes.reduce((sum, { failedWrites }) => sum + failedWrites, 0),
      failedReads: this.#processes.reduce((sum, { failedReads }) => sum + failedReads, 0),
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
