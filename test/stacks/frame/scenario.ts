import type { Measure } from '../../chaos/frame/scenario.ts'
import type { Stage } from './stage.ts'
import type { ApplicationSettings } from './stack.ts'

/** What every run of a scenario must keep; lost, doubled and uncaught are 0 always. */
export interface Bars {
  /** The application's first write after the oracle's own first insert; undefined: the scenario measures by itself. Default 250. */
  readonly firstWriteMs?: number | undefined
  /**
   * How often what is in flight may be cut: each of the application's loops may fail so many times. Default 1; 0: no operation may fail.
   */
  readonly interruptions?: number
  /** Probe connections that exist for a second or longer, for each host of the DSN. Default 2. */
  readonly probesPerHost?: number
}

/** The application's clients; each is a loop with one operation at a time. */
export interface Clients {
  /** Autocommit writers. Default 4. */
  readonly writers?: number
  /** Writers of transactions, with `retry`. Default 2. */
  readonly transactional?: number
  /** Readers. Default 4. */
  readonly readers?: number
  /** Readers with a bound of 2000 ms on the lag. Default 2. */
  readonly bounded?: number
  /** Pause between two operations of one loop, in milliseconds. Default 10. */
  readonly pauseMs?: number
  /** What a writer's statement takes on the server, in milliseconds (`pg_sleep`). Default 0. */
  readonly busyMs?: number
}

/** One fault, run against any stack that has the words for it. */
export interface Scenario {
  /** A stable id, for example `kill-postmaster`. */
  readonly name: string
  /** What happens, in one sentence. */
  readonly says: string
  readonly bars?: Bars
  readonly clients?: Clients
  readonly application?: ApplicationSettings
  /** Does the fault and waits until all is told; resolves to measures of its own, beside those of every run. */
  run(stage: Stage): Promise<readonly Measure[]>
}
