import type { Scenario } from './frame/scenario.ts'
import { stopped } from './scenarios/stopped.ts'

/** All scenarios, in the order of their numbers. */
export const SCENARIOS: readonly Scenario[] = [...stopped]
