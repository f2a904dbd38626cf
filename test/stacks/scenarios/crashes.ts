import { atMost } from '../../chaos/frame/scenario.ts'
import { kill } from '../frame/processes.ts'
import type { Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import type { StackNode } from '../frame/stack.ts'
import { withWords } from '../frame/words.ts'

/** How many of the application's writes a server acknowledged that began after a moment. */
export function writesOnStale({ application }: Stage, { port }: StackNode, sinceMs: number): number {
  return application.writes.filter(({ executor, startedAtMs }) => executor?.server === port && startedAtMs > sinceMs)
    .length
}

/** The manager restarts the server, or has another one take over: whichever it likes. */
export const killPostmaster: Scenario = {
  name: 'kill-postmaster',
  says: "SIGKILL to the leader's PostgreSQL; its manager lives and deals with it",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    const sinceMs = stage.fault()
    await kill(await leader.serverPids())
    await stage.writesAgain(sinceMs)
    await stage.stack.settle()
    const last = await stage.stack.leader()
    await stage.writesOn(last, performance.now())
    return []
  },
  bars: { interruptions: 2 },
}

export const killPostmasterAndAgent: Scenario = {
  name: 'kill-postmaster-and-agent',
  says: "SIGKILL to the leader's PostgreSQL and to its manager: the machine is gone; later it comes back",
  run: async (stage) => {
    const leader = await stage.stack.leader()
    const sinceMs = stage.fault()
    await kill([...(await leader.agentPids()), ...(await leader.serverPids())])
    await stage.writesElsewhere(leader, sinceMs)
    await stage.stack.settle()
    await stage.writesOn(await stage.stack.leader(), performance.now())
    return []
  },
}

export const pgRewind: Scenario = {
  name: 'pg-rewind',
  says: 'a killed leader is started by hand beside the new one, takes writes, and is rewound by its manager',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'startServer', 'startAgent')
    const leader = await stack.leader()
    const sinceMs = stage.fault()
    await kill([...(await leader.agentPids()), ...(await leader.serverPids())])
    const era = await stage.writesElsewhere(leader, sinceMs)
    const backMs = performance.now()
    await stack.startServer(leader)
    const stale = await stage.oracle.era(
      `${leader.name} takes writes beside ${era.node}`,
      ({ node, fromMs }) => node === leader.name && fromMs > backMs,
    )
    await stage.pause(2_000)
    await stack.startAgent(leader)
    await stage.oracle.state(leader, ['replica'], stale.fromMs)
    await stack.settle()
    const rewoundMs = performance.now()
    await stage.application.read(
      `${leader.name} serves reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === leader.port && startedAtMs > rewoundMs,
    )
    return [atMost('writes on the stale leader', writesOnStale(stage, leader, backMs), 0)]
  },
}
