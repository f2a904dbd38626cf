import type { Scenario } from '../frame/scenario.ts'

/** What runs on pg_auto_failover. */
export const AUTO_FAILOVER_SCENARIOS: readonly Scenario[] = []
