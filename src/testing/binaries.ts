import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { constants, copyFile, link } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { findServer } from './find-package.ts'
import type { FoundServer } from './find-package.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { runCommand } from './run-command.ts'
import type { RunFolder } from './run-folder.ts'

/** A PostgreSQL that runs here, as the servers' user. */
export interface Binaries {
  readonly folder: string
  readonly major: number
}

const probeVersion = async (run: RunFolder, folder: string): Promise<{ major?: number; output: string }> => {
  const options = { cwd: run.path, user: run.user }
  const [server, initdb] = await Promise.all([
    runCommand(join(folder, 'bin', 'postgres'), ['--version'], options),
    runCommand(join(folder, 'bin', 'initdb'), ['--version'], options),
  ])
  if (server.code !== 0 || initdb.code !== 0) return { output: `${server.output}${initdb.output}`.trim() }
  return { major: Number.parseInt(/\d+/.exec(server.output)?.[0] ?? '', 10), output: '' }
}

/** What a running server never opens. */
const SKIPPED = /\.a$|^(pgxs|pkgconfig|include|doc|man)$/

async function copyTree(from: string, to: string): Promise<void> {
  mkdirSync(to, { mode: 0o755 })
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from)) {
    if (SKIPPED.test(entry)) continue
    const source = join(from, entry)
    const target = join(to, entry)
    const status = statSync(source, { throwIfNoEntry: false })
    if (status?.isDirectory() === true) await copyTree(source, target)
    else if (status?.isFile() === true) await copyOne(source, target, status.mode)
  }
}

/** A hard link costs nothing; across file systems, or where the file is not readable for all, it is a copy. */
async function copyOne(source: string, target: string, mode: number): Promise<void> {
  const open = mode & 0o100 ? 0o755 : 0o644
  if ((mode & open) === open) {
    try {
      await link(source, target)
      return
    } catch {
      // Another file system, or a system that protects links.
    }
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  chmodSync(target, open)
}

function makeLinks(found: FoundServer, to: string): void {
  if (found.linkList === undefined || !existsSync(found.linkList)) return
  const list: unknown = JSON.parse(readFileSync(found.linkList, 'utf8'))
  if (!Array.isArray(list)) return
  const links: readonly unknown[] = list
  for (const each of links) {
    if (typeof each !== 'object' || each === null || !('source' in each) || !('target' in each)) continue
    const path = join(to, '..', String(each.target))
    if (!existsSync(path)) symlinkSync(basename(String(each.source)), path)
  }
}

async function makeRunnable(run: RunFolder, found: FoundServer): Promise<string> {
  const native = join(run.makeFolder('server', run.path), 'native')
  await copyTree(found.folder, native)
  makeLinks(found, native)
  return native
}

/**
 * Finds a PostgreSQL and makes sure that it runs.
 *
 * It is used where it lies. When that does not work, because npm was not allowed to make the libraries' links or because
 * the servers' user cannot read the folder, a tree of hard links in the run folder takes its place.
 */
export async function openBinaries(
  run: RunFolder,
  version: number | undefined,
  folder: string | undefined,
): Promise<Binaries> {
  const found = folder === undefined ? findServer(version) : { folder, linkList: undefined }
  let place = found.folder
  let probe = await probeVersion(run, place)
  if (probe.major === undefined && existsSync(join(place, 'bin', 'postgres'))) {
    place = await run.once(`server ${place}`, () => makeRunnable(run, found))
    probe = await probeVersion(run, place)
  }
  if (probe.major === undefined) {
    const text = `The PostgreSQL in ${dirname(join(found.folder, 'bin'))} does not run: ${probe.output}`
    throw new PgClusterError('ERR_HASQL_TESTING_PLATFORM', text)
  }
  if (version !== undefined && probe.major !== version) {
    const text = `The PostgreSQL in ${found.folder} is ${probe.major}, not ${version}`
    throw new PgClusterError('ERR_HASQL_TESTING_MISSING_PACKAGE', text)
  }
  return { folder: place, major: probe.major }
}
