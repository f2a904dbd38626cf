/** What the application was told of a write, in the end. */
export type WriteOutcome = 'acknowledged' | 'not-executed' | 'unknown'

/** One handing over of a write to a leased connection; a retried write has several. */
export interface Sending {
  /** The host as the manager names it. */
  readonly host: string
  readonly atMs: number
  /** The highest timeline the manager knew of at that moment. */
  readonly highestTimeline: number
}

/** Which server executed a write, by its own word. */
export interface Executor {
  /** The server's port. */
  readonly server: number
  readonly timeline: number
}

/** One write of the application, from its start to what it was told. */
export interface WriteRecord {
  readonly id: number
  readonly writer: number
  /** Whether the application asked for it to be run again where that is safe. */
  readonly retry: boolean
  readonly startedAtMs: number
  readonly sendings: readonly Sending[]
  readonly endedAtMs: number
  readonly outcome: WriteOutcome
  /** Defined if, and only if, the write was acknowledged. */
  readonly executor: Executor | undefined
  readonly error: Error | undefined
}

/** One row of the table of writes: the id, and who executed the insert. */
export interface WrittenRow extends Executor {
  readonly id: number
}

/** What one server holds at one moment. */
export interface Holding {
  readonly server: number
  /** Undefined: its data is gone. */
  readonly rows: readonly WrittenRow[] | undefined
}

/** A stretch of time in which the manager held a host for unfit to take writes. */
export interface Fence {
  readonly host: string
  readonly fromMs: number
  /** `Infinity` while it lasts. */
  readonly untilMs: number
}

/** All that is needed to judge a run. */
export interface History {
  readonly writes: readonly WriteRecord[]
  /** The master at the end. */
  readonly final: Holding
  /** Servers that were replaced as masters, as they were when they were. */
  readonly leftBehind: readonly Holding[]
  readonly fences: readonly Fence[]
}
