import type { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import type { Random } from '../../../src/random/random.ts'
import { between, chance } from '../../support/fake/dice.ts'
import type { FakeEventLoop } from '../../support/fake/event-loop.ts'
import type { FleetClient } from './fleet-connection.ts'
import type { FleetPool } from './fleet-pool.ts'

/** Modest load: a write each one and a half seconds, now and then many at once, so that a pool grows; and a few reads. */
const WRITE_GAP_MS = 1_500
const READ_GAP_MS = 2_000
const BURST = { chance: 0.15, size: 8 }
/** Pauses are drawn from a tenth of the gap up to almost the double. */
const SPREAD = { least: 0.1, most: 1.9 }

/** How often a process asks for a connection, on average. */
export const CALLS_IN_1S: number = (1_000 / WRITE_GAP_MS) * (1 + BURST.chance * (BURST.size - 1)) + 1_000 / READ_GAP_MS

/** A process writes at least this often. */
export const LONGEST_WRITE_GAP_MS: number = SPREAD.most * WRITE_GAP_MS

/** One process of the fleet: a real manager, its load, and what became of it. */
export class FleetProcess {
  readonly db: BasePoolManager<FleetClient, FleetPool>
  readonly #loop: FakeEventLoop
  readonly #random: Random
  #isOver = false
  /** When the newest write was acknowledged that was begun after `expectWrite`. */
  writtenAtMs: number | undefined
  masterChanges = 0
  failedWrites = 0
  failedReads = 0
  #expectedSinceMs = 0

  constructor(db: BasePoolManager<FleetClient, FleetPool>, loop: FakeEventLoop, random: Random) {
    this.db = db
    this.#loop = loop
    this.#random = random
    db.on('masterChange', () => {
      this.masterChanges += 1
    })
  }

  start(): void {
    this.#repeat(WRITE_GAP_MS, () => {
      const count = chance(this.#random, BURST.chance) ? BURST.size : 1
      for (let i = 0; i < count; i += 1) void this.#write()
    })
    this.#repeat(READ_GAP_MS, () => void this.#read())
  }

  /** A new phase begins: the next acknowledged write is waited for, and all counts begin anew. */
  begin(): void {
    this.masterChanges = 0
    this.failedWrites = 0
    this.failedReads = 0
    this.expectWrite()
  }

  /** From now on; whatever was acknowledged before does not count. */
  expectWrite(): void {
    this.writtenAtMs = undefined
    this.#expectedSinceMs = this.#loop.nowMs()
  }

  stop(): Promise<void> {
    this.#isOver = true
    return this.db.terminate()
  }

  async #write(): Promise<void> {
    try {
      await this.db.withMaster((client) => client.query('write'))
    } catch {
      this.failedWrites += 1
      return
    }
    if (this.#loop.nowMs() >= this.#expectedSinceMs) this.writtenAtMs ??= this.#loop.nowMs()
  }

  async #read(): Promise<void> {
    try {
      await this.db.withReplica((client) => client.query('read'))
    } catch {
      this.failedReads += 1
    }
  }

  #repeat(gapMs: number, act: () => void): void {
    this.#loop.afterIo(between(this.#random, SPREAD.least, SPREAD.most) * gapMs, () => {
      if (this.#isOver) return
      act()
      this.#repeat(gapMs, act)
    })
  }
}
