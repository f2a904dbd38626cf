import { between, chance, oneOf } from '../support/fake/dice.ts'
import type { FakeCluster } from '../support/fake/fake-cluster.ts'
import type { FakeErrorCode } from '../support/fake/fake-error.ts'
import type { FakeServer } from '../support/fake/fake-server.ts'
import type { Fault } from './scenario.ts'

/** Sets a fault going. It ends by itself after its time, unless the whole cluster is healed before. */
export function strike(fault: Fault, cluster: FakeCluster): void {
  const server = cluster.servers[fault.host]
  if (server === undefined) throw new RangeError(`there is no host ${fault.host}`)
  const heal = FAULT_TABLE[fault.kind](server, cluster, fault)
  if (heal !== undefined) cluster.later(fault.forMs, heal)
}

type Heal = (() => void) | undefined
type Begin = (server: FakeServer, cluster: FakeCluster, fault: Fault) => Heal

const FAULT_TABLE: Readonly<Record<Fault['kind'], Begin>> = {
  stop: (server, cluster) => goDown(server, cluster, '57P01'),
  crash: (server, cluster) => goDown(server, cluster, 'ECONNRESET'),
  bounce: (server, { random }) => {
    server.stop('57P01', 1)
    server.authMs = between(random, 1, 60)
    server.start(between(random, 0, 5))
    return () => {
      server.authMs = 0
    }
  },
  failover,
  switchover,
  freeze: (server) => {
    server.freeze()
    return () => server.thaw()
  },
  cut: (server) => {
    server.cut('toServer', 'toClient')
    return () => server.mend()
  },
  'cut one way': (server, { random }) => {
    server.cut(oneOf(random, ['toServer', 'toClient']))
    return () => server.mend()
  },
  refuse: (server) => turnAway(server, 'ECONNREFUSED'),
  'not ready': (server) => turnAway(server, '57P03'),
  full: (server) => turnAway(server, '53300'),
  access: (server) => turnAway(server, '28P01'),
  'slow authentication': (server, { random }) => {
    server.authMs = between(random, 50, 5_000)
    return () => {
      server.authMs = 0
    }
  },
  slow: (server, { random }) => {
    server.slowness = between(random, 5, 300)
    return () => {
      server.slowness = 1
    }
  },
  'backend killed': (server) => endBackends(server, 1, '57P01'),
  'all backends killed': (server, { random }) =>
    endBackends(server, server.sessionCount, oneOf(random, ['57P01', '57P02', 'ECONNRESET'])),
  'double promotion': (_server, cluster) => {
    for (const standby of cluster.standbys.slice(0, 2)) {
      cluster.later(between(cluster.random, 0, 300), () => {
        if (standby.facts.role === 'replica') cluster.promote(standby, 5_000)
      })
    }
    return undefined
  },
  'foreign cluster': (server, cluster) => {
    if (cluster.servers.length === 1) return undefined
    cluster.restartAsForeigner(server, 20)
    return () => cluster.restartAsReplica(server, cluster.master, 20)
  },
  'read-only master': (_server, cluster) => {
    const { master } = cluster
    if (master === undefined) return undefined
    master.facts.readOnlyDefault = true
    master.pushHints()
    return () => {
      master.facts.readOnlyDefault = false
      master.pushHints()
    }
  },
  'replay paused': (server) => {
    server.replayPaused = true
    return () => {
      server.replayPaused = false
    }
  },
  'answer dropped': (server) => {
    server.dropsNextAnswer = true
    return undefined
  },
  flap: (server, cluster, { forMs }) => {
    for (let atMs = 0; atMs < forMs; atMs += between(cluster.random, 20, 300)) {
      cluster.later(atMs, () => (server.frozen ? server.thaw() : server.freeze()))
    }
    return () => server.thaw()
  },
}

/** The master goes away; after a while a standby is promoted; the old one comes back, tamed or as it was. */
function failover(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  if (master === undefined) return undefined
  const how = oneOf(random, ['crash', 'freeze', 'cut', 'none'] as const)
  if (how === 'crash') master.stop('ECONNRESET', between(random, 0, 5))
  else if (how === 'freeze') master.freeze()
  else if (how === 'cut') master.cut('toServer', 'toClient')
  cluster.later(between(random, 20, 3_000), () => {
    const [standby] = cluster.standbys
    if (standby !== undefined) cluster.promote(standby, between(random, 10, 1_000))
  })
  const isTamed = chance(random, 0.4)
  return () => {
    master.thaw()
    master.mend()
    if (isTamed && cluster.master !== master) cluster.restartAsReplica(master, cluster.master, between(random, 1, 500))
    else if (master.state === 'stopped') master.start(between(random, 1, 500))
  }
}

/** The master is stopped in good order, a standby is promoted, the old master becomes its standby. */
function switchover(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  const [standby] = cluster.standbys
  if (master === undefined || standby === undefined || standby === master) return undefined
  master.stop('57P01', between(random, 0, 20))
  cluster.later(between(random, 1, 200), () => {
    if (standby.facts.role === 'replica') cluster.promote(standby, between(random, 1, 200))
    cluster.restartAsReplica(master, cluster.master, between(random, 1, 500))
  })
  return undefined
}

function goDown(server: FakeServer, { random }: FakeCluster, code: FakeErrorCode): Heal {
  server.stop(code, between(random, 0, 10))
  return () => {
    if (server.state === 'stopped') server.start(between(random, 1, 1_000))
  }
}

function turnAway(server: FakeServer, code: FakeErrorCode): Heal {
  server.turnsAway = code
  return () => {
    server.turnsAway = undefined
  }
}

function endBackends(server: FakeServer, count: number, code: FakeErrorCode): Heal {
  server.endSessions(count, code, 5)
  return undefined
}
