import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeServer } from './node-server.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { runCommand } from './run-command.ts'
import { giveTo } from './server-user.ts'
import type { ServerUser } from './server-user.ts'

/** What a new server makes anew, or must not take over. */
const LEFT_OUT =
  /^(pg_wal|pg_replslot|pg_notify|pg_serial|pg_snapshots|pg_subtrans|pg_dynshmem|pg_stat_tmp|pgsql_tmp.*|postmaster\..*|.*\.signal|backup_label.*|tablespace_map.*|postgresql\.conf)$/

const EMPTY = [
  ...['pg_wal', 'pg_wal/archive_status', 'pg_replslot', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_subtrans'],
  ...['pg_dynshmem', 'pg_stat_tmp'],
]

async function copyRunning(from: string, to: string, user: ServerUser | undefined): Promise<void> {
  for (const entry of readdirSync(to)) rmSync(join(to, entry), { recursive: true, force: true })
  const entries = readdirSync(from).filter((entry) => !LEFT_OUT.test(entry))
  const copied = await runCommand('cp', ['-R', ...entries, to], { cwd: from, user })
  // Files may go while they are being copied; replaying the WAL makes up for them.
  const complaints = copied.output.split('\n').filter((line) => line !== '' && !line.includes('No such file'))
  if (copied.code === undefined || complaints.length > 0) {
    throw new PgClusterError('ERR_HASQL_TESTING_START', `Cloning failed: ${copied.output.trim()}`)
  }
  for (const folder of EMPTY) {
    mkdirSync(join(to, folder), { mode: 0o700 })
    giveTo(user, join(to, folder))
  }
}

/** Makes the stopped server's data folder a fresh copy of the running one's, to be started as its replica. */
export async function cloneFrom(source: NodeServer, target: NodeServer): Promise<void> {
  const modern = source.major >= 15
  await source.session(async (session) => {
    await session.query(
      modern ? "select pg_backup_start('clone', true)" : "select pg_start_backup('clone', true, false)",
    )
    await copyRunning(source.place.dataFolder, target.place.dataFolder, target.place.user)
    const stop = modern ? 'pg_backup_stop(false)' : 'pg_stop_backup(false, false)'
    const [end] = await session.query<{ labelfile: string }>(`select labelfile from ${stop}`)
    const label = join(target.place.dataFolder, 'backup_label')
    writeFileSync(label, end?.labelfile ?? '', { mode: 0o600 })
    giveTo(target.place.user, label)
  }, 120_000)
}
