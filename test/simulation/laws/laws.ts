import type { Workload } from '../workload.ts'
import type { World } from '../world.ts'
import { checkAccounts } from './accounts.ts'
import { checkWrites } from './acknowledged-writes.ts'
import { checkClosed } from './closing.ts'
import { checkConnectLimit } from './connect-limit.ts'
import { checkDeadlines } from './deadlines.ts'
import { checkEndpoints } from './endpoints.ts'
import { checkEvidence } from './evidence.ts'
import { checkFences } from './fences.ts'
import { checkOrder } from './first-come.ts'
import { checkMasterChanges } from './master-changes.ts'
import { checkFollowing } from './following.ts'
import { checkLeases } from './master-leases.ts'
import { checkWriteTarget } from './one-write-target.ts'
import { checkProbeLoad } from './probe-load.ts'
import { checkRoleSigns } from './role-signs.ts'
import { checkSearchRate } from './search-rate.ts'
import { checkSecrets } from './secrets.ts'
import { checkSilence } from './silence.ts'
import { checkSignsOfLife } from './signs-of-life.ts'
import { checkSlowStart } from './slow-start.ts'
import { checkVoidConnections } from './void-connections.ts'
import { checkTokens } from './tokens.ts'
import { checkWriters } from './writers-in-order.ts'

/** Everything that must hold in every run. I7 is watched by the runner, I9 by each holder, I11 at the end of a run. */
export function layDown(world: World, workload: Workload): void {
  checkLeases(world)
  checkFences(world)
  checkWriteTarget(world)
  checkAccounts(world, workload)
  checkOrder(world)
  checkWriters(world)
  checkWrites(world)
  checkMasterChanges(world)
  checkRoleSigns(world)
  checkDeadlines(world)
  checkClosed(world, workload)
  checkEvidence(world)
  checkEndpoints(world)
  checkVoidConnections(world)
  checkProbeLoad(world)
  checkConnectLimit(world)
  checkSearchRate(world)
  checkSecrets(world)
  checkSilence(world)
  checkSignsOfLife(world)
  checkSlowStart(world)
  checkTokens(world)
  checkFollowing(world)
}
