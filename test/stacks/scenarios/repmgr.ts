import { atMost } from '../../chaos/frame/scenario.ts'
import { ended, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'
import { freezeAgentUnnoticed } from './beside.ts'
import { killPostmaster, killPostmasterAndAgent, writesOnStale } from './crashes.ts'
import { freezeBoth, freezeServer, thawServerFirst } from './frozen.ts'
import { maintenance, pauseManualFailover, reinit, restart } from './planned.ts'
import { switchover } from './switchover.ts'

/** Nothing fences the old primary here: it is the application's manager that must keep away from it. */
const rejoin: Scenario = {
  name: 'rejoin-after-kill',
  says: 'a killed leader comes back beside the new one, takes writes for 5 s, and is rejoined by hand with pg_rewind',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'startServer')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    const pids = await leader.serverPids()
    signal(pids, 'SIGKILL')
    await ended(pids, 5_000)
    const era = await stage.writesElsewhere(leader, sinceMs)
    const backMs = performance.now()
    await stack.startServer(leader)
    await stage.oracle.era(
      `${leader.name} takes writes beside ${era.node}`,
      ({ node, fromMs }) => node === leader.name && fromMs > backMs,
    )
    await stage.pause(5_000)
    const stale = writesOnStale(stage, leader, backMs)
    await stack.settle()
    const rejoinedMs = performance.now()
    await stage.application.read(
      `${leader.name} serves bounded reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === leader.port && startedAtMs > rejoinedMs,
    )
    return [atMost('writes on the stale leader', stale, 0)]
  },
}

/** What runs on repmgr. */
export const REPMGR_SCENARIOS: readonly Scenario[] = [
  switchover,
  restart,
  reinit,
  pauseManualFailover,
  maintenance,
  killPostmaster,
  killPostmasterAndAgent,
  rejoin,
  freezeServer,
  freezeAgentUnnoticed,
  freezeBoth,
  thawServerFirst,
]
