/** `npm run simulate:fleet [-- --processes 1000]`: what a fleet of processes does to its five hosts, and how soon it is back. */
import { parseArgs } from 'node:util'
import { BasePoolManager } from '../../../src/manager/base-pool-manager.ts'
import { missedBounds } from './bounds.ts'
import { runFleet } from './fleet.ts'
import { wordPhase } from './fleet-report.ts'

const { values } = parseArgs({ options: { processes: { type: 'string', default: '1000' } } })
const startedAtMs = performance.now()
const results = await runFleet(Number(values.processes), { BasePoolManager })
for (const result of results) console.log(wordPhase(result))
const missed = results.flatMap(missedBounds)
for (const text of missed) console.log(`MISSED: ${text}`)
console.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s; ${missed.length} bounds missed`)
process.exitCode = missed.length === 0 ? 0 : 1
