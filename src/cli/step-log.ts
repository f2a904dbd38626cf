import type { Clock } from '../time/clock.ts'
import type { StepName } from './advice.ts'
import { shownError } from './shown.ts'

/** How one step went. */
export interface Step {
  readonly name: StepName
  readonly outcome: 'ok' | 'FAIL'
  readonly text: string
  readonly tookMs: number
}

/** Where a step failed that others depend on. */
export class StepFailure extends Error {
  readonly step: StepName

  constructor(step: StepName, cause: unknown) {
    super(`${step} failed`, { cause })
    this.step = step
  }
}

/** The steps of one host, with how each went and how long it took. */
export class StepLog {
  readonly #clock: Clock
  readonly #steps: Step[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get steps(): readonly Step[] {
    return this.#steps
  }

  /** What was learnt on the way, at no cost in time. */
  add(name: StepName, text: string): void {
    this.#steps.push({ name, outcome: 'ok', text, tookMs: 0 })
  }

  /** Runs a step and notes how it went. What the server refuses by the name of the database is the database's step. */
  async run<T>(name: StepName, run: () => Promise<readonly [T, string]>): Promise<T> {
    const startMs = this.#clock.nowMs()
    const note = (step: StepName, outcome: Step['outcome'], text: string): void => {
      this.#steps.push({ name: step, outcome, text, tookMs: this.#clock.nowMs() - startMs })
    }
    try {
      const [found, text] = await run()
      note(name, 'ok', text)
      return found
    } catch (error) {
      const isDatabase =
        name === 'authentication' &&
        error instanceof Error &&
        'code' in error &&
        ['3D000', '42501'].includes(String(error.code))
      const step = isDatabase ? 'database' : name
      note(step, 'FAIL', shownError(error))
      throw new StepFailure(step, error)
    }
  }
}
