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
  readonly password: string
  readonly database: string
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

async function runInitdb(run: RunFolder, binaries: Binaries): Promise<string> {
  const folder = run.makeFolder('initdb')
  const args = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  const made = await runCommand(join(binaries.folder, 'bin', 'initdb'), args, { cwd: run.path, user: run.user })
  if (made.code !== 0) throw new PgClusterError('ERR_HASQL_TESTING_START', `initdb failed: ${made.output.trim()}`)
  writeFileSync(join(folder, 'pg_hba.conf'), hostBasedAccess)
  return folder
}

/**
 * Creates the role and the database without starting a server. The size limits are kept at their lowest: a standby
 * refuses a folder that was last used with higher ones than its own.
 */
async function addAccount(run: RunFolder, binaries: Binaries, base: string, account: Account): Promise<string> {
  const folder = run.makeFolder('template')
  await copyFolder(run, base, folder)
  const { max_wal_senders: _, shared_buffers: __, ...settings } = defaultSettings(binaries.major)
  const lowest = { ...settings, max_connections: 4, max_wal_senders: 0, max_worker_processes: 0, shared_buffers: '1MB' }
  writeFileSync(join(folder, 'postgresql.conf'), renderSettings(Object.entries(lowest)))
  const role = `create role ${identifier(account.user)} login password ${literal(account.password)};`
  const database = `create database ${identifier(account.database)} owner ${identifier(account.user)};`
  const input = [...(account.user === 'postgres' ? [] : [role]), ...(account.database === 'postgres' ? [] : [database])]
  if (account.user === 'postgres') input.push(`alter role postgres password ${literal(account.password)};`)
  const ran = await runCommand(join(binaries.folder, 'bin', 'postgres'), ['--single', '-j', '-D', folder, 'postgres'], {
    cwd: run.path,
    user: run.user,
    input: input.map((line) => `${line}\n\n`).join(''),
  })
  if (ran.code !== 0 || /^.*(ERROR|FATAL|PANIC): /m.test(ran.output)) {
    const reason = ran.output.replaceAll(account.password, '***').trim()
    throw new PgClusterError('ERR_HASQL_TESTING_START', `Creating role and database failed: ${reason}`)
  }
  return folder
}

/** Copies a data folder nobody is using, as the servers' user. */
export async function copyFolder(run: RunFolder, from: string, to: string): Promise<void> {
  const copied = await runCommand('cp', ['-R', `${from}/.`, to], { cwd: run.path, user: run.user })
  if (copied.code !== 0) throw new PgClusterError('ERR_HASQL_TESTING_START', `cp failed: ${copied.output.trim()}`)
}

/** A stopped data folder to copy from, made once for all clusters of the run that want the same. */
export async function openTemplate(run: RunFolder, binaries: Binaries, account: Account): Promise<string> {
  const baseKey = `initdb ${binaries.folder}`
  const base = run.shared.get(baseKey) ?? runInitdb(run, binaries)
  run.shared.set(baseKey, base)
  const key = `template ${binaries.folder} ${JSON.stringify(account)}`
  const template = run.shared.get(key) ?? base.then((folder) => addAccount(run, binaries, folder, account))
  run.shared.set(key, template)
  return template
}
