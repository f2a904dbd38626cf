import type { BasePoolManager } from 'hasql'
import type { Application } from './application.ts'
import type { Oracle } from './oracle.ts'
import type { DriverName, Stack, StackNode } from './stack.ts'

/** What a scenario acts on: a stack that is well, an application at work on it, an oracle that watches every server. */
export interface Stage {
  readonly stack: Stack
  readonly driver: DriverName
  /** The manager of the application under test. */
  readonly db: BasePoolManager<unknown, unknown>
  readonly application: Application
  readonly oracle: Oracle
  pause(delayMs: number): Promise<void>
  /** What helps to read the figures; printed, and in the line of results. */
  note(text: string): void
  /** Says that the fault begins now, and returns the moment; what the run is judged by is counted from the first one. */
  fault(): number
  /**
   * Resolves when the oracle's insert and then the application's write were accepted by that server (or by any other than it) after a
   * moment: how much later than the oracle's first insert the application's first write ended is the figure `first write`.
   */
  writesOn(node: StackNode, sinceMs: number, timeoutMs?: number): Promise<number>
  writesElsewhere(node: StackNode, sinceMs: number, timeoutMs?: number): Promise<number>
}
