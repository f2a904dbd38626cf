import type { Scenario } from '../frame/scenario.ts'

/** What runs on repmgr. */
export const REPMGR_SCENARIOS: readonly Scenario[] = []
