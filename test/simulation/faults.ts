import { between, chance, oneOf } from '../support/fake/dice.ts'
import type { FakeCluster } from '../support/fake/fake-cluster.ts'
import type { FakeErrorCode } from '../support/fake/fake-error.ts'
import type { Direction } from '../support/fake/fake-link.ts'
import type { FakeServer } from '../support/fake/fake-server.ts'
import {
  cutPeers,
  demotion,
  failover,
  mistakenPromotion,
  misleadSessions,
  silentDemotion,
  switchover,
} from './role-faults.ts'
import type { Begin, Heal } from './role-faults.ts'
import type { Fault } from './scenario.ts'

/** Sets a fault going. It ends by itself after its time, unless the whole cluster is healed before. */
export function strike(fault: Fault, cluster: FakeCluster): void {
  const server = cluster.servers[fault.host]
  if (server === undefined) throw new RangeError(`there is no host ${fault.host}`)
  const heal = FAULT_TABLE[fault.kind](server, cluster, fault)
  if (heal !== undefined) cluster.later(fault.forMs, heal)
}

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
    server.peersCut = true
    return cutClients(server, 'toServer', 'toClient')
  },
  'cut one way': (server, { random }) => cutClients(server, oneOf(random, ['toServer', 'toClient'])),
  'clients cut': (server) => cutClients(server, 'toServer', 'toClient'),
  'peers cut': cutPeers,
  refuse: (server) => turnAway(server, 'ECONNREFUSED'),
  'not ready': (server) => turnAway(server, '57P03'),
  full: (server) => turnAway(server, '53300'),
  access: (server) => turnAway(server, '28P01'),
  demotion,
  'mistaken promotion': mistakenPromotion,
  'lying host': tellLies,
  'silent demotion': silentDemotion,
  'misled sessions': misleadSessions,
  'half-dead master': (_server, { master }) => {
    if (master === undefined) return undefined
    master.holdsWrites = true
    return () => master.answerWrites()
  },
  'look-ups hang': (server) => {
    server.lookUpsHang = true
    return () => server.findAgain()
  },
  'pooler errors': (server, { random }) => {
    server.poolerErrors = oneOf(random, [0.1, 0.5, 1])
    return () => {
      server.poolerErrors = 0
    }
  },
  'lying hints': (server, { random }) => {
    server.hintNoise = oneOf(random, [0.05, 0.5])
    server.hintsMuted = chance(random, 0.5)
    return () => {
      server.hintNoise = 0
      server.hintsMuted = false
    }
  },
  'busy pooler': (server, { random }) => {
    server.queueMs = between(random, 500, 6_000)
    return () => server.serveQueue()
  },
  'paused pooler': (server) => {
    server.poolerPaused = true
    return () => server.serveQueue()
  },
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
  'stranded replica': (server, cluster) => {
    if (!cluster.standbys.includes(server)) return undefined
    cluster.strand(server, between(cluster.random, 1, 300))
    return () => {
      if (server.isStranded) cluster.restartAsReplica(server, cluster.master, between(cluster.random, 1, 300))
    }
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

/** Another server answers under the name of a standby: it takes writes, so it says, on a timeline that cannot be, or of no cluster. */
function tellLies(server: FakeServer, cluster: FakeCluster): Heal {
  if (server === cluster.master || cluster.servers.length === 1 || server.facts.role === 'master') return undefined
  server.lies = oneOf(cluster.random, ['NaN', '4294967295', '-1', '1000500', 'nameless'])
  server.stop('ECONNRESET', 2)
  server.start(1)
  return () => {
    if (server.lies === undefined) return
    server.lies = undefined
    if (server.state !== 'stopped') server.stop('ECONNRESET', 2)
    server.start(between(cluster.random, 1, 100))
  }
}

function goDown(server: FakeServer, { random }: FakeCluster, code: FakeErrorCode): Heal {
  server.stop(code, between(random, 0, 10))
  return () => {
    if (server.state === 'stopped') server.start(between(random, 1, 1_000))
  }
}

function cutClients(server: FakeServer, ...directions: readonly Direction[]): Heal {
  server.cut(...directions)
  return () => {
    server.peersCut = false
    server.mend()
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
