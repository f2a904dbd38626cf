import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloneFrom } from './clone.ts'
import { parseLsn, readControlFile, readTimelineHistory, timelineAt } from './control-file.ts'
import type { NodeServer } from './node-server.ts'
import { giveTo } from './server-user.ts'
import { until } from './waiting.ts'
import { isSameWal } from './wal-file.ts'

const STREAM_TIMEOUT_MS = 10_000

/** Whether a server is in recovery, and how far its WAL goes. */
export interface Position {
  readonly inRecovery: boolean
  readonly lsn: bigint
}

export async function position(server: NodeServer): Promise<Position> {
  const sql = `select pg_is_in_recovery() as recovering, case when pg_is_in_recovery()
    then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) else pg_current_wal_flush_lsn() end::text as lsn`
  const [row] = await server.session((session) => session.query<{ recovering: boolean; lsn: string }>(sql))
  return { inRecovery: row?.recovering === true, lsn: parseLsn(row?.lsn ?? '0/0') }
}

export async function isInRecovery(server: NodeServer): Promise<boolean> {
  return (await position(server)).inRecovery
}

/** Where the source's history leaves the timeline, or stands if it is still on it; `undefined` if it was never on it. */
async function endOf(timeline: number, source: NodeServer): Promise<bigint | undefined> {
  const history = readTimelineHistory(source.place.dataFolder)
  return timeline === history.timeline ? (await position(source)).lsn : history.forks.get(timeline)
}

/** Whether nothing in the server's folder goes beyond what the source has, so that it can go on from there. */
async function canFollow(server: NodeServer, source: NodeServer): Promise<boolean> {
  const mine = server.place.dataFolder
  const theirs = source.place.dataFolder
  const control = readControlFile(mine)
  if (control.systemId !== readControlFile(theirs).systemId) return false
  if (server.isRunning()) {
    const { lsn } = await position(server)
    // It may know of the newest timeline, and not have received anything of it yet.
    const timeline = timelineAt(lsn, readTimelineHistory(mine))
    const end = await endOf(timeline, source)
    return end !== undefined && lsn <= end && isSameWal(mine, theirs, timeline, lsn - 1n - ((lsn - 1n) % 64n))
  }
  const end = await endOf(control.timeline, source)
  // A fork lies between two records: beyond the start of our last one means that the source has it all.
  const has = control.cleanMaster && end !== undefined && end > control.checkpoint
  return has && isSameWal(mine, theirs, control.timeline, control.checkpoint)
}

/** Makes the server a replica of the source at its next start. */
export function configureReplica(server: NodeServer, source: NodeServer): void {
  const conninfo = `host=${source.place.runFolder} port=${source.port} user=postgres application_name=${server.place.name}`
  server.settings.set('primary_conninfo', conninfo)
  const signal = join(server.place.dataFolder, 'standby.signal')
  writeFileSync(signal, '')
  giveTo(server.place.user, signal)
}

/** Waits until the source streams to the server, which has applied all there was when the wait began. */
export async function waitUntilStreaming(server: NodeServer, source: NodeServer): Promise<void> {
  const { lsn } = await position(source)
  const sql = "select 1 from pg_stat_replication where application_name = $1 and state = 'streaming'"
  const what = `${server.place.name} streams from ${source.place.name}`
  await source.session(async (session) => {
    const ask = async (): Promise<true | undefined> =>
      (await session.query(sql, [server.place.name])).length > 0 ? true : undefined
    await until(what, STREAM_TIMEOUT_MS, ask)
  }, STREAM_TIMEOUT_MS + 5_000)
  await server.session(async (session) => {
    const ask = async (): Promise<true | undefined> => {
      const [row] = await session.query<{ lsn: string }>('select pg_last_wal_replay_lsn()::text as lsn')
      return parseLsn(row?.lsn ?? '0/0') >= lsn ? true : undefined
    }
    await until(what, STREAM_TIMEOUT_MS, ask)
  }, STREAM_TIMEOUT_MS + 5_000)
}

/** Makes a running replica follow another source: by reload, where the setting can be reloaded. */
async function redirect(server: NodeServer, source: NodeServer): Promise<void> {
  configureReplica(server, source)
  if (server.major >= 13) return server.reload()
  await server.stop('fast')
  await server.start()
}

/**
 * Makes the server a replica of the source, whatever it was: a replica of another one is redirected, a cleanly
 * stopped master whose last record the source has is turned around, everything else becomes a fresh copy.
 */
export async function rejoin(server: NodeServer, source: NodeServer): Promise<'followed' | 'cloned'> {
  server.thaw()
  if (server.isRunning() && !(await isInRecovery(server))) await server.stop('fast')
  if (await canFollow(server, source)) {
    try {
      if (server.isRunning()) await redirect(server, source)
      else {
        configureReplica(server, source)
        await server.start()
      }
      await waitUntilStreaming(server, source)
      return 'followed'
    } catch {
      // Whatever keeps it from following, a fresh copy is free of it.
    }
  }
  await server.kill()
  await cloneFrom(source, server)
  configureReplica(server, source)
  await server.start()
  await waitUntilStreaming(server, source)
  return 'cloned'
}

/** Promotes a replica; resolves when it accepts writes. */
export async function promote(server: NodeServer): Promise<void> {
  await server.session(async (session) => {
    const ask = async (): Promise<true | undefined> => {
      const [row] = await session.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
      return row?.recovering === false ? true : undefined
    }
    if ((await ask()) === true) return
    await session.query('select pg_promote(false)')
    await until(`${server.place.name} accepts writes`, 60_000, ask, 2)
  }, 65_000)
  server.settings.delete('primary_conninfo')
  rmSync(join(server.place.dataFolder, 'standby.signal'), { force: true })
}
