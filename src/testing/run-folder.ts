import { accessSync, constants, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { Guardian } from './guardian.ts'
import { handedDown } from './hand-down.ts'
import { PgClusterError } from './pg-cluster-error.ts'
import { processesUnder } from './processes.ts'
import { giveTo, serverUser } from './server-user.ts'
import type { ServerUser } from './server-user.ts'
import { sweep } from './sweep.ts'

/** `<base>/hasql-XXXXXX/.s.PGSQL.54321.lock` must fit into the 104 bytes of a socket address. */
const LONGEST_BASE = 70

function isReachable(base: string, user: ServerUser | undefined): boolean {
  try {
    accessSync(base, constants.W_OK)
    if (Buffer.byteLength(base) > LONGEST_BASE) return false
    if (user === undefined) return true
    for (let folder = base; ; folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o001) === 0) return false
      if (folder === dirname(folder)) return true
    }
  } catch {
    return false
  }
}

function makeFolder(user: ServerUser | undefined): string {
  const bases = [tmpdir(), '/tmp', '/var/tmp']
  const base = bases.find((each) => isReachable(each, user))
  if (base === undefined) {
    const why = `${bases.join(', ')}: none is writable, short enough for a socket and open to the server's user`
    throw new PgClusterError('ERR_HASQL_TESTING_START', `Found no folder for temporary files: ${why}`)
  }
  const folder = realpathSync(mkdtempSync(join(base, 'hasql-')))
  giveTo(user, folder)
  return folder
}

/** Below this much free memory, data folders are kept on disk. */
const ENOUGH_MEMORY = 2 * 1024 ** 3

/**
 * Where the data goes. Throw-away data is best kept in memory: copying data folders is most of what a start does. A
 * caller who sets TMPDIR has chosen already.
 */
function makeDataFolder(folder: string, user: ServerUser | undefined): string {
  try {
    if (process.platform !== 'linux' || process.env['TMPDIR'] !== undefined) return folder
    const memory = statfsSync('/dev/shm')
    if (!isReachable('/dev/shm', user) || memory.bavail * memory.bsize < ENOUGH_MEMORY) return folder
    const inMemory = join('/dev/shm', basename(folder))
    mkdirSync(inMemory, { mode: 0o700 })
    giveTo(user, inMemory)
    return inMemory
  } catch {
    return folder
  }
}

/**
 * The folders below which everything of this process's clusters lives, with the guardian that watches over them.
 *
 * They exist while a cluster does: `open` counts its users in, `release` out, and the last one removes them.
 */
export class RunFolder {
  static #current: RunFolder | undefined

  /** Sockets, and programs if they had to be copied. */
  readonly path: string
  readonly #dataPath: string
  /** Whom the servers run as; `undefined` is ourselves. */
  readonly user: ServerUser | undefined = serverUser()
  readonly #shared = new Map<string, Promise<string>>()
  readonly #guardian: Guardian
  /** The guardian would do it as well, a moment after we are gone. */
  readonly #onExit = (): void => sweep(this.#all, processesUnder, 2_000)
  #users = 0
  #folders = 0

  private constructor() {
    this.path = makeFolder(this.user)
    this.#dataPath = makeDataFolder(this.path, this.user)
    this.#guardian = new Guardian(this.#all)
    process.once('exit', this.#onExit)
  }

  static open(): RunFolder {
    RunFolder.#current ??= new RunFolder()
    RunFolder.#current.#users += 1
    return RunFolder.#current
  }

  /** A new empty folder for data, owned by the servers' user. */
  makeFolder(name: string, below: string = this.#dataPath): string {
    this.#folders += 1
    const folder = join(below, `${name}${this.#folders}`)
    mkdirSync(folder, { mode: 0o700 })
    giveTo(this.user, folder)
    return folder
  }

  /**
   * A folder that the clusters of this run share: made by the first who asks, unless a process that started this one has
   * prepared it. It lives as long as its run.
   */
  once(name: string, make: () => Promise<string>): Promise<string> {
    const known = this.#shared.get(name)
    if (known !== undefined) return known
    const handed = handedDown(name, this.serverUid)
    const folder = handed === undefined ? make() : Promise.resolve(handed)
    this.#shared.set(name, folder)
    return folder
  }

  /** What `once` has made, for processes that are started from now on. */
  async made(): Promise<ReadonlyMap<string, string>> {
    const all = [...this.#shared].map(async ([name, folder]) => [name, await folder] as const)
    return new Map(await Promise.all(all))
  }

  /** The user id that the servers run as. */
  get serverUid(): number | undefined {
    return this.user?.uid ?? process.getuid?.()
  }

  async release(): Promise<void> {
    this.#users -= 1
    if (this.#users > 0) return
    if (RunFolder.#current === this) RunFolder.#current = undefined
    await Promise.allSettled(this.#shared.values())
    for (const folder of this.#all) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    process.off('exit', this.#onExit)
    await this.#guardian.dismiss()
  }

  get #all(): string[] {
    return [...new Set([this.path, this.#dataPath])]
  }
}
