import type { StackKind } from '../frame/stack.ts'
import { killPostmaster, killPostmasterAndAgent, pgRewind } from '../scenarios/crashes.ts'
import { freezeAgent, freezeBoth, freezeServer, frozenStore, thawServerFirst } from '../scenarios/frozen.ts'
import { maintenance, pauseManualFailover, reinit, reload, restart } from '../scenarios/planned.ts'
import {
  acceptedLeader,
  mistakenPromotion,
  mistakenPromotionHeld,
  mistakenPromotionLong,
  orphanedReplica,
} from '../scenarios/promoted.ts'
import { switchover } from '../scenarios/switchover.ts'
import { applicationDsn, PatroniCluster, PATRONI_NEEDS } from './patroni-cluster.ts'

/** Patroni and etcd; the application is given the three servers themselves. */
export const patroni: StackKind = {
  name: 'patroni',
  title: 'Patroni with 3 servers and etcd, the servers in the DSN',
  needs: PATRONI_NEEDS,
  scenarios: [
    ...[switchover, restart, reload, reinit, pauseManualFailover, maintenance],
    ...[killPostmaster, killPostmasterAndAgent, pgRewind],
    ...[freezeServer, freezeAgent, freezeBoth, thawServerFirst, frozenStore],
    ...[mistakenPromotion, mistakenPromotionHeld, mistakenPromotionLong, acceptedLeader, orphanedReplica],
  ],
  start: async (ground) => {
    const cluster = await PatroniCluster.of(ground)
    return {
      ...cluster.words(),
      name: 'patroni',
      dsn: applicationDsn(cluster.nodes.map(({ port }) => port)),
      stop: async () => undefined,
    }
  },
}
