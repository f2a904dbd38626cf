import type { HostFault } from '../host-fault.ts'
import { DurationHistogram } from '../metrics/duration-histogram.ts'
import type { Durations } from '../metrics/duration-histogram.ts'
import { noFaults } from '../metrics/fault-counts.ts'
import type { FaultCounts } from '../metrics/fault-counts.ts'

/** The counts of a host's pool at one moment; `DriverMetrics` says what each of them means. */
export interface PoolCounts {
  readonly acquires: number
  readonly acquireTimeMs: number
  readonly releases: number
  readonly acquireTimeouts: number
  readonly connectErrors: number
  readonly serverErrors: number
  readonly connectionsAdded: number
  readonly connectionsRemoved: number
  readonly errors: Readonly<FaultCounts>
  readonly hostWaitTime: Durations
  readonly waitTime: Durations
  readonly useTime: Durations
  readonly createTime: Durations
}

/** What happened in one host's pool since the manager was made. Only ever grows. */
export class PoolCounters {
  acquireTimeouts = 0
  connectErrors = 0
  connectionsAdded = 0
  connectionsRemoved = 0
  readonly #errors = noFaults()
  readonly #hostWaitTime = new DurationHistogram()
  readonly #waitTime = new DurationHistogram()
  readonly #useTime = new DurationHistogram()
  readonly #createTime = new DurationHistogram()

  get acquires(): number {
    return this.#waitTime.count
  }

  get acquireTimeMs(): number {
    return this.#hostWaitTime.sumMs + this.#waitTime.sumMs
  }

  get releases(): number {
    return this.#useTime.count
  }

  /** A lease begins. Mostly its host was chosen in the moment in which it was asked for. */
  granted(startedAtMs: number, chosenAtMs: number, nowMs: number): void {
    if (chosenAtMs > startedAtMs) this.#hostWaitTime.record(chosenAtMs - startedAtMs)
    this.#waitTime.record(nowMs - chosenAtMs)
  }

  /** A lease has ended. */
  returned(usedMs: number): void {
    this.#useTime.record(usedMs)
  }

  /** A connection was made. */
  connected(tookMs: number): void {
    this.#createTime.record(tookMs)
  }

  /** An error of a connection says something of the host. */
  fault(fault: HostFault): void {
    this.#errors[fault] += 1
  }

  copy(): PoolCounts {
    return {
      acquires: this.acquires,
      acquireTimeMs: this.acquireTimeMs,
      releases: this.releases,
      acquireTimeouts: this.acquireTimeouts,
      connectErrors: this.connectErrors,
      serverErrors: this.#errors['server-error'],
      connectionsAdded: this.connectionsAdded,
      connectionsRemoved: this.connectionsRemoved,
      errors: { ...this.#errors },
      hostWaitTime: this.#hostWaitTime.copy(),
      waitTime: this.#waitTime.copy(),
      useTime: this.#useTime.copy(),
      createTime: this.#createTime.copy(),
    }
  }
}
