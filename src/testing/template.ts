import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { runCommand } from './run-command.ts'
import type { RunFolder } from './run-folder.ts'
import { defaultSettings, hostBasedAccess, renderSettings } from './server-settings.ts'

/** Who may connect, and to what. */
export interface Account {
  readonly user: string
  readonly database: string
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The statement that gives the account its password. */
export function passwordStatement(user: string, password: string): string {
  return `alter role ${identifier(user)} password '${password.replaceAll("'", "''")}'`
}

async function initialize(run: RunFolder, binaries: Binaries): Promise<string> {
  const folder = run.makeFolder('template')
  const file = join(binaries.folder, 'bin', 'initdb')
  const options = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--wal-segsize=4']
  const made = await runCommand(file, ['-D', folder, ...options], { cwd: run.path, user: run.user })
  if (made.code !== 0) throw new PgClusterError('ERR_HASQL_TESTING_START', `initdb failed: ${made.output.trim()}`)
  writeFileSync(join(folder, 'pg_hba.conf'), hostBasedAccess)
  return folder
}

/**
 * Creates the role and the database without starting a server. The size limits are kept at their lowest: a standby
 * refuses a folder that was last used with higher ones than its own.
 */
async function addAccount(run: RunFolder, binaries: Binaries, folder: string, account: Account): Promise<void> {
  const { max_wal_senders: _, shared_buffers: __, ...settings } = defaultSettings(binaries.major)
  const lowest = { ...settings, max_connections: 4, max_wal_senders: 0, max_worker_processes: 0, shared_buffers: '1MB' }
  writeFileSync(join(folder, 'postgresql.conf'), renderSettings(Object.entries(lowest)))
  const [role, database] = [identifier(account.user), identifier(account.database)]
  const input = [
    ...(account.user === 'postgres' ? [] : [`create role ${role} login;`]),
    ...(account.database === 'postgres' ? [] : [`create database ${database} owner ${role};`]),
  ]
  const file = join(binaries.folder, 'bin', 'postgres')
  const ran = await runCommand(file, ['--single', '-j', '-D', folder, 'postgres'], {
    cwd: run.path,
    user: run.user,
    input: input.map((line) => `${line}\n\n`).join(''),
  })
  if (ran.code !== 0 || /^.*(ERROR|FATAL|PANIC): /m.test(ran.output)) {
    const text = `Creating role and database failed: ${ran.output.trim()}`
    throw new PgClusterError('ERR_HASQL_TESTING_START', text)
  }
}

/** Copies a data folder nobody is using, as the servers' user. */
export async function copyFolder(run: RunFolder, from: string, to: string): Promise<void> {
  const copied = await runCommand('cp', ['-R', `${from}/.`, to], { cwd: run.path, user: run.user })
  if (copied.code !== 0) throw new PgClusterError('ERR_HASQL_TESTING_START', `cp failed: ${copied.output.trim()}`)
}

async function makeTemplate(run: RunFolder, binaries: Binaries, account: Account): Promise<string> {
  const folder = await initialize(run, binaries)
  await addAccount(run, binaries, folder, account)
  return folder
}

/** A stopped data folder to copy from, made once for all clusters of the run that want the same. */
export function openTemplate(run: RunFolder, binaries: Binaries, account: Account): Promise<string> {
  const key = JSON.stringify(['template', binaries.folder, account.user, account.database])
  return run.once(key, () => makeTemplate(run, binaries, account))
}
