import { atMost } from '../../chaos/frame/scenario.ts'
import { ended, freeze, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'
import { freezeAgentUnnoticed } from './beside.ts'
import { killPostmaster, killPostmasterAndAgent, writesOnStale } from './crashes.ts'
import { freezeServer } from './frozen.ts'
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

/** repmgrd promotes within 17 s, unless it waits itself for an answer of the server that stands still. */
const BY_ITSELF_MS = 30_000
/** The application has one check in which it can still take the old leader for the leader. */
const ONE_CHECK_MS = 1_500

const freezeAndPromote: Scenario = {
  name: 'freeze-promote-thaw',
  says: 'the leader and its repmgrd stand still; the other repmgrd, or after 30 s somebody by hand, promotes; they thaw, and nobody fences',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'promote')
    const leader = await stack.leader()
    const heir = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    const sinceMs = stage.fault()
    await freeze(() => leader.agentPids())
    await freeze(() => leader.serverPids())
    await stage.oracle.state(heir, ['master'], sinceMs, BY_ITSELF_MS).catch(async () => {
      stage.note('repmgrd did not promote, so it was done by hand')
      await stack.promote(heir)
    })
    const era = await stage.writesElsewhere(leader, sinceMs)
    await stage.pause(3_000)
    signal([...(await leader.serverPids())].reverse(), 'SIGCONT')
    await stage.pause(2_000)
    const stale = writesOnStale(stage, leader, era.fromMs + ONE_CHECK_MS)
    signal([...(await leader.agentPids())].reverse(), 'SIGCONT')
    await stack.settle()
    await stage.writesOn(await stack.leader(), performance.now())
    return [atMost('writes on the stale leader later than one check', stale, 0)]
  },
  bars: { interruptions: 2 },
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
  freezeAndPromote,
]
