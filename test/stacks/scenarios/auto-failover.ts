import { ended, signal } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import { withWords } from '../frame/words.ts'
import { freezeAgentUnnoticed, frozenStoreUnnoticed } from './beside.ts'
import { killPostmaster, killPostmasterAndAgent } from './crashes.ts'
import { freezeBoth, freezeServer, thawServerFirst } from './frozen.ts'
import { reinit, restart } from './planned.ts'
import { switchover } from './switchover.ts'

const maintenance: Scenario = {
  name: 'node-maintenance',
  says: 'the leader is put into maintenance, which moves the writes to the other server, and back into service',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'maintenance')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    const isIn = stack.maintenance(leader, true)
    await stage.writesElsewhere(leader, sinceMs)
    await isIn
    await stage.pause(3_000)
    await stack.maintenance(leader, false)
    await stack.settle()
    const backMs = performance.now()
    await stage.application.read(
      `${leader.name} serves bounded reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === leader.port && startedAtMs > backMs,
    )
    return []
  },
}

/** Replication is synchronous until the monitor says otherwise, so every write waits meanwhile. */
const lostStandby: Scenario = {
  name: 'lost-standby',
  says: 'SIGKILL to the standby and its manager: writes wait for it until the manager lets the leader go on alone',
  run: async (stage) => {
    const leader = await stage.stack.leader()
    const standby = stage.stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    const sinceMs = stage.fault()
    const pids = [...(await standby.agentPids()), ...(await standby.serverPids())]
    signal(pids, 'SIGKILL')
    await ended(pids, 5_000)
    await stage.writesAgain(sinceMs)
    await stage.stack.settle()
    await stage.writesOn(leader, performance.now())
    return []
  },
}

/** What runs on pg_auto_failover. */
export const AUTO_FAILOVER_SCENARIOS: readonly Scenario[] = [
  switchover,
  restart,
  reinit,
  maintenance,
  killPostmaster,
  killPostmasterAndAgent,
  lostStandby,
  freezeServer,
  freezeAgentUnnoticed,
  freezeBoth,
  thawServerFirst,
  frozenStoreUnnoticed,
]
