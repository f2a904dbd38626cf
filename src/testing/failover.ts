import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeServer } from './node-server.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import type { PgNode } from './pg-node.ts'
import { configureReplica, position, rejoin } from './replication.ts'

/** What a failover led to. */
export interface PgFailover {
  /** The new master. */
  readonly master: PgNode
  /** Milliseconds from the start of the promotion until it accepted writes. */
  readonly promotedInMs: number
}

/** The nodes of a cluster with their servers. */
export type ServersByNode = ReadonlyMap<PgNode, NodeServer>

const timelineOf = async (node: PgNode): Promise<number> => {
  const sql = "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as timeline"
  return (await node.query<{ timeline: number }>(sql))[0]?.timeline ?? 0
}

/** The one of the highest timeline among nodes that all believe to be master. */
export async function findMaster(masters: readonly PgNode[]): Promise<PgNode> {
  const ranked = await Promise.all(masters.map(async (node) => ({ node, timeline: await timelineOf(node) })))
  const best = ranked.sort((one, other) => other.timeline - one.timeline)[0]
  if (best === undefined) throw new PgClusterError('ERR_HASQL_TESTING_STATE', 'The cluster has no master now')
  return best.node
}

async function mostAdvanced(servers: ServersByNode): Promise<PgNode> {
  const able = [...servers].filter(([, server]) => server.isRunning() && !server.isFrozen())
  const ranked = await Promise.all(able.map(async ([node, server]) => ({ node, at: await position(server) })))
  const replicas = ranked.filter(({ at }) => at.inRecovery)
  const best = replicas.reduce<(typeof replicas)[number] | undefined>(
    (found, each) => (found === undefined || each.at.lsn > found.at.lsn ? each : found),
    undefined,
  )
  if (best === undefined)
    throw new PgClusterError('ERR_HASQL_TESTING_STATE', 'No replica is running that could take over')
  return best.node
}

const isReplica = ({ place }: NodeServer): boolean => existsSync(join(place.dataFolder, 'standby.signal'))

/**
 * Turns the other replicas to the new master; those that are down or frozen will turn as soon as they can,
 * which is with their next start for version 12.
 */
async function turnReplicas(servers: ServersByNode, source: NodeServer): Promise<void> {
  const replicas = [...servers.values()].filter((server) => server !== source && isReplica(server))
  await Promise.all(
    replicas.map(async (server) => {
      if (server.isRunning() && !server.isFrozen()) {
        await rejoin(server, source)
        return
      }
      configureReplica(server, source)
      await server.reload()
    }),
  )
}

/** Promotes `to`, or the replica that has received most, and turns the other replicas to it. */
export async function failOver(servers: ServersByNode, to: PgNode | undefined): Promise<PgFailover> {
  const master = to ?? (await mostAdvanced(servers))
  const source = servers.get(master)
  if (source === undefined || !isReplica(source)) {
    throw new PgClusterError('ERR_HASQL_TESTING_STATE', `${master.name} is no replica of this cluster`)
  }
  const promotedInMs = await master.promote()
  await turnReplicas(servers, source)
  return { master, promotedInMs }
}

/** Hands over from a running master, which comes back as a replica. */
export async function switchOver(servers: ServersByNode, from: PgNode, to: PgNode | undefined): Promise<PgFailover> {
  const next = to ?? (await mostAdvanced(servers))
  if (next === from) return { master: from, promotedInMs: 0 }
  if ((await next.role()) !== 'replica') {
    throw new PgClusterError('ERR_HASQL_TESTING_STATE', `${next.name} is no running replica`)
  }
  await from.stop('fast')
  const done = await failOver(servers, next)
  await from.rejoin(next)
  return done
}
