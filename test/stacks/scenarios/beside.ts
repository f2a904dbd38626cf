import { atMost } from '../../chaos/frame/scenario.ts'
import { freeze, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'

/** Longer than any of the managers' own limits. */
const STANDS_STILL_MS = 30_000

/** What happens to a manager whose servers are well: the application is to notice nothing. */
export const freezeAgentUnnoticed: Scenario = {
  name: 'freeze-agent-unnoticed',
  says: "the leader's manager stands still for 30 s, and nobody takes over: its PostgreSQL is well",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    const sinceMs = stage.fault()
    await freeze(() => leader.agentPids())
    await stage.pause(STANDS_STILL_MS)
    signal([...(await leader.agentPids())].reverse(), 'SIGCONT')
    await stage.writesOn(leader, performance.now())
    const changes = stage.watch.masterChanges.filter(({ atMs }) => atMs > sinceMs).length
    return [atMost('changes of the master', changes, 0)]
  },
  bars: { interruptions: 0 },
}

export const frozenStoreUnnoticed: Scenario = {
  name: 'frozen-store-unnoticed',
  says: "the manager's store stands still for 30 s, and the leader goes on: its replica still follows",
  run: async (stage) => {
    const stack = withWords(stage.stack, 'freezeStore', 'thawStore')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    await stack.freezeStore()
    await stage.pause(STANDS_STILL_MS)
    await stack.thawStore()
    await stage.writesOn(leader, performance.now())
    const changes = stage.watch.masterChanges.filter(({ atMs }) => atMs > sinceMs).length
    return [atMost('changes of the master', changes, 0)]
  },
  bars: { interruptions: 0 },
}
