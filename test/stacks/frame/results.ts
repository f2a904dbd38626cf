import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Measure } from '../../chaos/frame/scenario.ts'
import type { DriverName } from './stack.ts'

/** What is counted in every run. */
export interface RunFigures {
  /** The worst of the run; undefined when nothing was waited for. */
  readonly firstWriteMs: number | undefined
  readonly failed: number
  readonly hanging: number
  readonly acknowledged: number
  readonly unknown: number
  readonly lost: number
  readonly lostByPostgres: number
  readonly doubled: number
  readonly uncaught: number
  readonly probes: number
}

/** A run that did not come to anything. */
export const NO_FIGURES: RunFigures = {
  firstWriteMs: undefined,
  failed: 0,
  hanging: 0,
  acknowledged: 0,
  unknown: 0,
  lost: 0,
  lostByPostgres: 0,
  doubled: 0,
  uncaught: 0,
  probes: 0,
}

/** One run of one scenario on one stack, as a line of the results' file. */
export interface Result {
  /** The commit of the sources, with `-dirty` behind it when the tree is. */
  readonly commit: string
  readonly stack: string
  readonly scenario: string
  readonly driver: DriverName
  readonly run: number
  readonly at: string
  readonly tookMs: number
  readonly figures: RunFigures
  readonly measures: readonly Measure[]
  readonly notes: readonly string[]
  readonly failures: readonly string[]
}

/** The lines of a results' file; what is no result (a line that was cut off, for example) is left out. */
export function parseResults(text: string): readonly Result[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line)
      return isResult(value) ? [value] : []
    } catch {
      return []
    }
  })
}

/** The results of one commit, however many sittings they took; of several with one number, the last one counts. */
export function resultsOf(all: readonly Result[], commit: string): readonly Result[] {
  const latest = new Map(all.filter((result) => result.commit === commit).map((result) => [keyOf(result), result]))
  return [...latest.values()]
}

/** Names a run within a commit. */
export function keyOf({ stack, scenario, driver, run }: Pick<Result, 'stack' | 'scenario' | 'driver' | 'run'>): string {
  return `${stack}/${scenario} ${driver} ${run}`
}

export function readResults(file: string): readonly Result[] {
  return existsSync(file) ? parseResults(readFileSync(file, 'utf8')) : []
}

export function appendResult(file: string, result: Result): void {
  appendFileSync(file, `${JSON.stringify(result)}\n`)
}

function isResult(value: unknown): value is Result {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['commit', 'stack', 'scenario', 'driver', 'run', 'figures', 'failures'].every((key) => key in value)
  )
}
