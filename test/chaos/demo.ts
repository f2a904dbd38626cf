import { parseArgs } from 'node:util'
import { Drill } from '../../examples/failover-demo/drill.ts'
import { FAULTS } from '../../examples/failover-demo/faults.ts'
import type { FaultReport } from '../../examples/failover-demo/faults.ts'
import { missedBounds } from '../../examples/failover-demo/report.ts'
import { medianBounds, summary } from './demo-summary.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' } } })
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1 || runs > 1_000) throw new RangeError('--runs takes a number from 1 to 1000')

const reports: FaultReport[] = []
for (let run = 1; run <= runs; run++) {
  await using drill = await Drill.start()
  await drill.settle()
  for (const fault of FAULTS) {
    const report = await fault(drill)
    reports.push(report)
    for (const miss of missedBounds(report)) console.log(`run ${run}: MISSED  ${miss}`)
  }
  console.log(`run ${run} of ${runs} done`)
}

console.log(`\n${summary(reports)}\n`)
const missed = [...reports.flatMap(missedBounds), ...medianBounds(reports)]
for (const miss of missed) console.log(`MISSED  ${miss}`)
console.log(
  missed.length === 0 ? `All bounds were kept in ${runs} runs.` : `${missed.length} bound(s) missed in ${runs} runs.`,
)
process.exitCode = missed.length === 0 ? 0 : 1
