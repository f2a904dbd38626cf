import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { failuresOf, reportTable } from './frame/report.ts'
import type { Result } from './frame/report.ts'
import { runScenario } from './frame/run-scenario.ts'
import { SCENARIOS } from './scenarios.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

function numberOption(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= least && value <= most) return value
  throw new RangeError(`--${name} takes a number from ${least} to ${most}`)
}

const runs = numberOption('runs', values.runs, 1, 1_000)
const minutes = values.minutes === undefined ? undefined : numberOption('minutes', values.minutes, 0.1, 600)
const seed = values.seed === undefined ? randomInt(2 ** 31) : numberOption('seed', values.seed, 0, 2 ** 32)
const rows = values.only?.split(',').map((row) => row.trim().toUpperCase())
const unknown = rows?.filter((row) => !SCENARIOS.some((scenario) => scenario.row === row)) ?? []
if (unknown.length > 0) throw new RangeError(`--only: there is no scenario ${unknown.join(', ')}`)
const selected = SCENARIOS.filter(({ row }) => rows?.includes(row) ?? true)

// What a program prints for another one is one line of JSON; what it says to people goes to the other stream.
const say = values.json ? console.error : console.log
const startMs = performance.now()
const results: Result[] = []
for (let run = 1; run <= runs; run++) {
  for (const scenario of selected) {
    const result = await runScenario(scenario, { quick: values.quick, minutes, seed: seed + run - 1 })
    results.push(result)
    const failures = failuresOf(result)
    const { row, name } = scenario
    say(
      `${row.padEnd(4)} ${name}: ${failures.length === 0 ? 'ok' : 'FAILED'} (${(result.tookMs / 1_000).toFixed(1)} s)`,
    )
    for (const note of result.outcome.notes) say(`       ${note}`)
    for (const failure of failures) say(`     ! ${failure}`)
  }
}

const failed = results.flatMap(failuresOf)
if (values.json) {
  console.log(JSON.stringify(results.map(({ outcome }) => outcome)))
} else {
  console.log(`\n${reportTable(results)}\n`)
  for (const failure of failed) console.log(`! ${failure}`)
  const tookS = ((performance.now() - startMs) / 1_000).toFixed(0)
  const verdict =
    failed.length === 0
      ? 'All bounds and invariants were kept'
      : `${failed.length} bound(s) or invariant(s) were not kept`
  console.log(`${verdict} in ${runs} run(s) of ${selected.length} scenario(s); seed ${seed}, ${tookS} s.`)
}
process.exitCode = failed.length === 0 ? 0 : 1
