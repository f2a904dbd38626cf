import type { WriteRecord } from '../../chaos/history/write-record.ts'

/** One read of the application. */
export interface ReadRecord {
  /** Whether it asked for a bound on the lag. */
  readonly bounded: boolean
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** The port of the server that answered, by its own word; undefined when it failed. */
  readonly server: number | undefined
  readonly error: Error | undefined
}

/** The application under test: loops that write and read through a manager, and remember what they were told. */
export interface Application {
  readonly writes: readonly WriteRecord[]
  readonly reads: readonly ReadRecord[]
  /** How many loops there are: each has one operation in flight at most. */
  readonly loops: number
}
