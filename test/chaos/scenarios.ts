import type { Scenario } from './frame/scenario.ts'
import { blackhole } from './scenarios/blackhole.ts'
import { capacity } from './scenarios/capacity.ts'
import { crashed } from './scenarios/crashed.ts'
import { frozen } from './scenarios/frozen.ts'
import { loopBlocked } from './scenarios/loop-blocked.ts'
import { names } from './scenarios/names.ts'
import { peers } from './scenarios/peers.ts'
import { protocol } from './scenarios/protocol.ts'
import { randomFaults } from './scenarios/random-faults.ts'
import { replicas } from './scenarios/replicas.ts'
import { roles } from './scenarios/roles.ts'
import { stopped } from './scenarios/stopped.ts'
import { switchovers } from './scenarios/switchovers.ts'
import { unknownOutcome } from './scenarios/unknown-outcome.ts'

const FAMILIES: readonly (readonly Scenario[])[] = [
  ...[stopped, crashed, frozen, blackhole, roles, switchovers, capacity, replicas, unknownOutcome, loopBlocked],
  names,
  protocol,
  randomFaults,
  peers,
]

/** All scenarios, in the order of their numbers. */
export const SCENARIOS: readonly Scenario[] = FAMILIES.flat().sort(
  (one, other) => Number(one.row.slice(1)) - Number(other.row.slice(1)),
)
