import type { HostId } from '../dsn/host-spec.ts'
import type { HostFault } from '../host-fault.ts'
import type { RoleAnswer } from '../topology/observation.ts'
import { isHeard, probeChannel, publishEnd } from './channels.ts'
import type { ProbeMessage } from './channels.ts'
import { DurationHistogram } from './duration-histogram.ts'
import type { Durations } from './duration-histogram.ts'
import { noFaults } from './fault-counts.ts'
import type { FaultCounts } from './fault-counts.ts'

/** The counts of a host's checks at one moment; `DriverMetrics` says what each of them means. */
export interface ProbeCounts {
  readonly probes: number
  readonly probesFailed: number
  readonly probeErrors: Readonly<FaultCounts>
  readonly responseTime: Durations
}

/** Counts the checks of one host, and tells whoever listens to `hasql:probe`. */
export class ProbeAccount {
  readonly #manager: object
  readonly #host: HostId
  #probes = 0
  #failed = 0
  readonly #errors = noFaults()
  readonly #responseTime = new DurationHistogram()
  /** Of the check under way, if anybody listened when it began. */
  #message: ProbeMessage | undefined

  constructor(manager: object, host: HostId) {
    this.#manager = manager
    this.#host = host
  }

  began(probe: number): void {
    this.#message = undefined
    if (!isHeard(probeChannel)) return
    const message: ProbeMessage = { manager: this.#manager, host: this.#host, probe }
    this.#message = message
    probeChannel.start.publish(message)
    probeChannel.end.publish(message)
  }

  answered(answer: RoleAnswer, roundTripMs: number): void {
    this.#probes += 1
    this.#responseTime.record(roundTripMs)
    this.#tell({ answer, roundTripMs })
  }

  failed(fault: HostFault, error: Error): void {
    this.#probes += 1
    this.#failed += 1
    this.#errors[fault] += 1
    this.#tell({ fault, error })
  }

  copy(): ProbeCounts {
    return {
      probes: this.#probes,
      probesFailed: this.#failed,
      probeErrors: { ...this.#errors },
      responseTime: this.#responseTime.copy(),
    }
  }

  #tell(outcome: Partial<ProbeMessage>): void {
    const message = this.#message
    if (message === undefined) return
    this.#message = undefined
    publishEnd(probeChannel, Object.assign(message, outcome))
  }
}
