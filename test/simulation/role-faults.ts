import { between, chance, oneOf } from '../support/fake/dice.ts'
import type { FakeCluster } from '../support/fake/fake-cluster.ts'
import type { FakeServer } from '../support/fake/fake-server.ts'
import type { Fault } from './scenario.ts'

/** What ends a fault; undefined when it has no length. */
export type Heal = (() => void) | undefined
export type Begin = (server: FakeServer, cluster: FakeCluster, fault: Fault) => Heal

/** The master goes away; after a while a standby is promoted; the old one comes back, tamed or as it was. */
export function failover(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  if (master === undefined) return undefined
  const how = oneOf(random, ['crash', 'freeze', 'cut', 'none'] as const)
  if (how === 'crash') master.stop('ECONNRESET', between(random, 0, 5))
  else if (how === 'freeze') master.freeze()
  else if (how === 'cut') {
    master.peersCut = true
    master.cut('toServer', 'toClient')
  }
  cluster.later(between(random, 20, 3_000), () => {
    const [standby] = cluster.standbys
    if (standby !== undefined) cluster.promote(standby, between(random, 10, 1_000))
  })
  const isTamed = chance(random, 0.4)
  return () => {
    master.thaw()
    master.peersCut = false
    master.mend()
    if (isTamed && cluster.master !== master) cluster.restartAsReplica(master, cluster.master, between(random, 1, 500))
    else if (master.state === 'stopped') master.start(between(random, 1, 500))
  }
}

/**
 * A standby is promoted beside a master that never stops, and others may follow it. Then the cluster decides for the master: the standby
 * becomes an orphan, restarted on the timeline that nobody has, or is rewound, and the others turn back.
 */
export function mistakenPromotion(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  const [standby] = cluster.standbys.filter(({ upstream, peersCut }) => upstream === master && !peersCut)
  if (master === undefined || standby === undefined) return undefined
  cluster.promoteByMistake(standby)
  return () => {
    const downMs = between(random, 20, 800)
    if (standby.state === 'stopped' || !standby.isMistaken) return
    if (chance(random, 0.6)) cluster.restartAsOrphan(standby, downMs)
    else cluster.restartAsReplica(standby, cluster.master, downMs)
  }
}

/** The master is stopped in good order, a standby is promoted, the old master becomes its standby. */
export function switchover(_server: FakeServer, cluster: FakeCluster): Heal {
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

/**
 * A server, mostly the master, becomes a standby as an operator does it: it lets sessions finish and tells newcomers that
 * it shuts down, nobody listens for a while, it says that it is starting, and it is back in another role.
 */
export function demotion(server: FakeServer, cluster: FakeCluster): Heal {
  const { random } = cluster
  const old = chance(random, 0.7) ? (cluster.master ?? server) : server
  const [standby] = cluster.standbys.filter((each) => each !== old)
  const smartMs = chance(random, 0.5) ? between(random, 1, 400) : 0
  if (smartMs > 0) old.turnsAway = '57P03'
  cluster.later(smartMs, () => {
    old.turnsAway = undefined
    if (old.state !== 'stopped') old.stop('57P01', between(random, 0, 20))
    const downMs = between(random, 5, 800)
    if (standby !== undefined && old === cluster.master) {
      cluster.later(between(random, 1, downMs), () => {
        if (standby.facts.role === 'replica') cluster.promote(standby, between(random, 1, 200))
      })
    }
    cluster.later(downMs, () => {
      if (old.state === 'stopped') cluster.restartAsReplica(old, cluster.master, between(random, 50, 2_000))
    })
  })
  return undefined
}

/**
 * The role changes under open sessions, and nobody says so; another server is promoted. The sessions stay where they were,
 * or are ended when they are old news already.
 */
export function silentDemotion(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  const standby = cluster.standbys.find((each) => each !== master)
  if (master === undefined || standby === undefined) return undefined
  demoteSilently(master)
  if (chance(random, 0.5)) {
    cluster.later(between(random, 100, 800), () => master.endSessions(master.sessionCount, '57P01', 300))
  }
  cluster.later(between(random, 1, 1_500), () => {
    if (standby.facts.role !== 'replica' || cluster.master !== undefined) return
    cluster.promote(standby, between(random, 1, 200))
  })
  return undefined
}

/** A pooler leads to a standby for a while, and then to the master again: sessions of the meantime stay misled. */
export function misleadSessions(_server: FakeServer, cluster: FakeCluster): Heal {
  const { master, random } = cluster
  if (master === undefined) return undefined
  demoteSilently(master)
  cluster.later(between(random, 50, 1_000), () => {
    if (cluster.master === undefined) master.facts.role = 'master'
  })
  return undefined
}

function demoteSilently(master: FakeServer): void {
  master.facts.role = 'replica'
  master.tieSessions()
}

/**
 * A server and its peers lose each other, while we reach them all. If it is the master, a standby may be promoted beside
 * it: both take writes until the old one is tamed.
 */
export function cutPeers(server: FakeServer, cluster: FakeCluster): Heal {
  const { random } = cluster
  server.peersCut = true
  if (server === cluster.master && chance(random, 0.6)) {
    cluster.later(between(random, 20, 2_000), () => {
      const standby = cluster.standbys.find((each) => each !== server && !each.peersCut)
      if (server.peersCut && standby !== undefined) cluster.promote(standby, between(random, 10, 1_000))
    })
  }
  return () => {
    server.peersCut = false
    const isLeftBehind = server.facts.role === 'master' && cluster.master !== server
    if (isLeftBehind) cluster.restartAsReplica(server, cluster.master, between(random, 1, 500))
  }
}
