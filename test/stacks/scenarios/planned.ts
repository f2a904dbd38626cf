import { atMost } from '../../chaos/frame/scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { until } from '../frame/waiting.ts'
import { withWords } from '../frame/words.ts'

export const restart: Scenario = {
  name: 'restart',
  says: 'every server is restarted by its manager, the leader last',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'restart')
    const leader = await stack.leader()
    stage.fault()
    for (const node of stack.nodes) if (node.name !== leader.name) await stack.restart(node)
    const failedWrites = stage.application.writes.filter(({ error }) => error !== undefined).length
    const sinceMs = performance.now()
    const restarted = stack.restart(leader)
    await stage.writesAgain(sinceMs)
    await restarted
    return [atMost('failed writes while replicas restart', failedWrites, 0)]
  },
  // The readers of each replica, then everybody on the leader.
  bars: { interruptions: 2 },
}

export const reinit: Scenario = {
  name: 'reinit',
  says: 'a replica is made anew from a base backup',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'reinit')
    const leader = await stack.leader()
    const replica = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    const sinceMs = stage.fault()
    await stack.reinit(replica)
    await stage.oracle.state(replica, ['down'], sinceMs)
    const downMs = performance.now()
    await stage.oracle.state(replica, ['replica'], downMs)
    await stack.settle()
    const backMs = performance.now()
    await stage.application.read(
      `${replica.name} serves bounded reads again`,
      ({ server, startedAtMs, bounded }) => bounded && server === replica.port && startedAtMs > backMs,
    )
    const failedWrites = stage.application.writes.filter(({ error }) => error !== undefined).length
    return [atMost('failed writes', failedWrites, 0)]
  },
}

export const pauseManualFailover: Scenario = {
  name: 'pause-manual-failover',
  says: 'the manager is paused, somebody asks for a failover by hand, the manager goes on',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'pause', 'resume', 'failover')
    const leader = await stack.leader()
    await stack.pause()
    await stage.pause(3_000)
    const heir = stack.nodes.find(({ name }) => name !== leader.name) ?? leader
    const sinceMs = stage.fault()
    const moved = stack.failover(heir)
    await stage.writesOn(heir, sinceMs)
    await moved
    await stack.resume()
    return []
  },
}

export const maintenance: Scenario = {
  name: 'maintenance',
  says: 'the manager is paused, the leader stopped by hand for 3 s and started again, the manager goes on',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'pause', 'resume', 'stopServer', 'startServer')
    const leader = await stack.leader()
    await stack.pause()
    await stage.pause(3_000)
    const sinceMs = stage.fault()
    await stack.stopServer(leader)
    await stage.pause(3_000)
    await stack.startServer(leader)
    await stage.writesAgain(sinceMs)
    // Resumed before it has seen that the server runs again, Patroni 3.0 holds it for stopped for good.
    await until('the manager knows of its leader', 30_000, () =>
      stack.leader().then(
        () => true,
        () => undefined,
      ),
    )
    await stack.resume()
    return []
  },
}

export const reload: Scenario = {
  name: 'reload',
  says: 'a setting is changed that needs no restart, and every server reloads',
  run: async (stage) => {
    const stack = withWords(stage.stack, 'reload')
    const sinceMs = stage.fault()
    await stack.reload()
    await stage.writesOn(await stack.leader(), sinceMs)
    return []
  },
  bars: { interruptions: 0, firstWriteMs: undefined },
}
