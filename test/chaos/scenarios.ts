import type { Scenario } from './frame/scenario.ts'
import { blackhole } from './scenarios/blackhole.ts'
import { crashed } from './scenarios/crashed.ts'
import { frozen } from './scenarios/frozen.ts'
import { randomFaults } from './scenarios/random-faults.ts'
import { roles } from './scenarios/roles.ts'
import { stopped } from './scenarios/stopped.ts'
import { switchovers } from './scenarios/switchovers.ts'

/** All scenarios, in the order of their numbers. */
export const SCENARIOS: readonly Scenario[] = [
  ...blackhole,
  ...stopped,
  ...crashed,
  ...frozen,
  ...roles,
  ...switchovers,
  ...randomFaults,
].sort((one, other) => Number(one.row.slice(1)) - Number(other.row.slice(1)))
