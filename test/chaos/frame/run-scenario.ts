import { seededRandom } from '../../support/seeded-random.ts'
import type { Result } from './report.ts'
import type { Outcome, RunContext, Scenario } from './scenario.ts'

/** Runs a scenario once; one that breaks off is a broken invariant like any other. */
export async function runScenario(scenario: Scenario, context: Omit<RunContext, 'random'>): Promise<Result> {
  const startMs = performance.now()
  let outcome: Outcome
  try {
    outcome = await scenario.run({ ...context, random: seededRandom(context.seed) })
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    outcome = { measures: [], violations: [`broke off: ${text}`], notes: [] }
  }
  return { scenario, outcome, tookMs: performance.now() - startMs }
}
