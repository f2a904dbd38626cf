import { execFileSync } from 'node:child_process'
import { parseArguments, selectPairs } from './frame/arguments.ts'
import type { Arguments, Pair } from './frame/arguments.ts'
import { hasNative } from './frame/drivers.ts'
import { Ground } from './frame/ground.ts'
import { missing } from './frame/needs.ts'
import { Oracle } from './frame/oracle.ts'
import { pairTable, resultTable } from './frame/report.ts'
import { appendResult, keyOf, NO_FIGURES, readResults, resultsOf } from './frame/results.ts'
import type { Result } from './frame/results.ts'
import { runOnce, told } from './frame/stage.ts'
import type { RunOutcome, Watched } from './frame/stage.ts'
import type { DriverName, StackKind } from './frame/stack.ts'
import { STACKS } from './stacks.ts'

/** One run that is to be made. */
interface Task extends Pair {
  readonly driver: DriverName
  readonly run: number
}

/** What a run is made of: texts, other tests and this list of tasks may change, and its results stay what they are. */
const SOURCES = [
  'src',
  'test/stacks/stacks.ts',
  'test/stacks/stacks',
  'test/stacks/scenarios',
  'test/stacks/frame',
  'test/chaos/frame',
  'test/chaos/history',
  'package-lock.json',
] as const

function commitOfSources(): string {
  const git = (...args: readonly string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  const newest = git('log', '-1', '--format=%H', '--', ...SOURCES)
  return `${newest}${git('status', '--porcelain', '--', ...SOURCES) === '' ? '' : '-dirty'}`
}

function tasksOf({ only, runs, drivers, resume, results }: Arguments, commit: string): readonly Task[] {
  const done = new Set(resume ? resultsOf(readResults(results), commit).map(keyOf) : [])
  return selectPairs(STACKS, only).flatMap((pair) =>
    drivers.flatMap((driver) =>
      Array.from({ length: runs }, (_, index) => ({ ...pair, driver, run: index + 1 })).filter(
        ({ stack, scenario, run }) => !done.has(keyOf({ stack: stack.name, scenario: scenario.name, driver, run })),
      ),
    ),
  )
}

/** A run that could not begin or end as it should: the stack did not settle. */
function brokeOff(error: unknown): RunOutcome {
  return { figures: NO_FIGURES, measures: [], notes: [], failures: [`the stack broke: ${told(error)}`] }
}

async function runTask(watched: Watched, { scenario, driver, run }: Task, commit: string): Promise<Result> {
  const { stack } = watched
  const startMs = performance.now()
  const outcome = await runOnce(watched, scenario, driver).catch(brokeOff)
  const { figures, measures, notes, failures } = outcome
  const tookMs = Math.round(performance.now() - startMs)
  const at = new Date().toISOString()
  const name = { commit, stack: stack.name, scenario: scenario.name, driver, run }
  return { ...name, at, tookMs, figures, measures, notes, failures }
}

function say({ stack, scenario, driver, run, tookMs, figures, notes, failures }: Result): void {
  const verdict = failures.length === 0 ? 'kept' : 'FAILED'
  const first = figures.firstWriteMs === undefined ? '' : `, first write ${figures.firstWriteMs} ms`
  const failed = `, ${figures.failed} failed operations of ${figures.acknowledged} acknowledged writes`
  const seconds = (tookMs / 1_000).toFixed(0)
  console.log(`${stack}/${scenario} ${driver} run ${run}: ${verdict} (${seconds} s${first}${failed})`)
  for (const note of notes) console.log(`     ${note}`)
  for (const failure of failures) console.log(`   ! ${failure}`)
}

async function runStack(kind: StackKind, tasks: readonly Task[], ground: Ground, given: Sitting): Promise<void> {
  const startMs = performance.now()
  const stack = await kind.start(ground)
  let oracle: Oracle | undefined
  console.log(`${kind.name} is up after ${((performance.now() - startMs) / 1_000).toFixed(0)} s`)
  try {
    oracle = await Oracle.start(stack.nodes)
    for (const task of tasks) {
      if (given.isStopping()) return
      const result = await runTask({ stack, oracle }, task, given.commit)
      appendResult(given.file, result)
      say(result)
    }
  } finally {
    await oracle?.stop()
    await stack.stop()
  }
}

interface Sitting {
  readonly commit: string
  readonly file: string
  readonly isStopping: () => boolean
}

async function main(args: Arguments): Promise<boolean> {
  if (args.list) {
    console.log(pairTable(STACKS))
    return true
  }
  if (args.drivers.includes('pg-native') && !hasNative()) {
    throw new Error('pg-native is not installed; install it with: npm install --no-save pg-native')
  }
  const commit = commitOfSources()
  const tasks = tasksOf(args, commit)
  const kinds = STACKS.filter((kind) => tasks.some(({ stack }) => stack === kind))
  const absent = missing(kinds.flatMap(({ needs }) => needs))
  if (absent !== undefined) throw new Error(absent)
  const stop = new AbortController()
  // The run that is under way is finished, and everything taken down; a second signal, to a wrapper's group say, changes nothing.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) console.log('Stopping after the run that is under way …')
      stop.abort()
    })
  }
  const broken: string[] = []
  const ground = await Ground.open()
  try {
    for (const kind of kinds) {
      if (stop.signal.aborted) break
      const own = tasks.filter(({ stack }) => stack === kind)
      await runStack(kind, own, ground, { commit, file: args.results, isStopping: () => stop.signal.aborted }).catch(
        (error: unknown) => {
          broken.push(`${kind.name}: ${told(error)}`)
          console.log(`! ${broken.at(-1) ?? ''}`)
        },
      )
    }
  } finally {
    await ground.close()
  }
  const wanted = new Set(selectPairs(STACKS, args.only).map(({ stack, scenario }) => `${stack.name}/${scenario.name}`))
  const results = resultsOf(readResults(args.results), commit).filter(
    ({ stack, scenario, driver }) => wanted.has(`${stack}/${scenario}`) && args.drivers.includes(driver),
  )
  console.log(`\n${resultTable(results)}\n`)
  const failed = results.filter(({ failures }) => failures.length > 0)
  for (const result of failed) for (const failure of result.failures) console.log(`! ${keyOf(result)}: ${failure}`)
  for (const text of broken) console.log(`! ${text}`)
  console.log(`${results.length - failed.length} of ${results.length} runs of ${commit} kept every bar`)
  return failed.length === 0 && broken.length === 0 && !stop.signal.aborted
}

process.exitCode = (await main(parseArguments(process.argv.slice(2)))) ? 0 : 1
