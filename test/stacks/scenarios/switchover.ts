import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'

/** The planned change of the leader: what happens every week. */
export const switchover: Scenario = {
  name: 'switchover',
  says: 'the manager moves the leader to another server',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'switchover')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    const moved = stack.switchover()
    await stage.writesElsewhere(leader, sinceMs)
    await moved
    return []
  },
}
