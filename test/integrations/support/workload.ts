import type { Subject } from './library.ts'

/** A write that was acknowledged. */
export interface Acknowledged {
  readonly id: number
  readonly port: number
  readonly startMs: number
  readonly endMs: number
}

const WORKERS = 2

/** Writers and readers that go on until they are stopped, one operation at a time each. */
export class Workload {
  readonly writes: Acknowledged[] = []
  readonly reads: { readonly port: number; readonly startMs: number }[] = []
  readonly failedWrites: unknown[] = []
  readonly failedReads: unknown[] = []
  readonly #subject: Subject
  #nextId = 1_000
  #isRunning = true
  readonly #loops: readonly Promise<void>[]

  constructor(subject: Subject) {
    this.#subject = subject
    const workers = Array.from({ length: WORKERS })
    this.#loops = [...workers.map(() => this.#write()), ...workers.map(() => this.#read())]
  }

  /** As many operations of each kind can be in flight at once. */
  get workers(): number {
    return WORKERS
  }

  /** Whether enough was done; throws what failed, for before a fault nothing may. */
  isUnderWay(): boolean {
    const failed = [...this.failedWrites, ...this.failedReads]
    if (failed.length > 0) throw new AggregateError(failed, `The library fails without a fault: ${String(failed[0])}`)
    return this.writes.length > 20 && this.reads.length > 20
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#loops)
  }

  async #write(): Promise<void> {
    while (this.#isRunning) {
      const id = (this.#nextId += 1)
      const startMs = performance.now()
      try {
        const port = await this.#subject.write(id)
        this.writes.push({ id, port, startMs, endMs: performance.now() })
      } catch (error) {
        this.failedWrites.push(error)
      }
      await pause()
    }
  }

  async #read(): Promise<void> {
    while (this.#isRunning) {
      const startMs = performance.now()
      try {
        this.reads.push({ port: await this.#subject.read(), startMs })
      } catch (error) {
        this.failedReads.push(error)
      }
      await pause()
    }
  }
}

/** So that a library that fails at once does not keep the machine busy. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2))
}
