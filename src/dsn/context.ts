import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'

import { readPrivateTextFile, readTextFile } from './text-file.ts'

/** The world a connection string is read in; every member has the process's own as its default. */
export interface DsnContext {
  /** Default `process.env`. An empty variable counts as unset. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Reads the service file and certificates; undefined when the file is missing or unreadable. */
  readonly readFile: (path: string) => string | undefined
  /**
   * Reads the password file; undefined also when the group or the world has access to it. Default: `readFile` if that
   * is given, else from disk with the check.
   */
  readonly readPrivateFile: (path: string) => string | undefined
  /** The database user when none is given. Default: the operating system's user. */
  readonly userName: string | undefined
  /** Where `.pgpass`, `.pg_service.conf` and `.postgresql/` are. Default: `HOME`, else the user's folder. */
  readonly homeFolder: string | undefined
  /** What an empty host stands for. Default: PostgreSQL's socket folder, `localhost` on Windows. */
  readonly defaultHost: string
  /** `refuse` makes a file named by the connection string itself an error; for strings of untrusted origin. */
  readonly fileParameters: 'allow' | 'refuse'
}

/** A context with its defaults; what costs a system call is a function. */
export interface ResolvedContext {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly readFile: (path: string) => string | undefined
  readonly readPrivateFile: (path: string) => string | undefined
  readonly findUserName: () => string | undefined
  readonly homeFiles: HomeFiles | undefined
  readonly findDefaultHost: () => string
  readonly fileParameters: 'allow' | 'refuse'
}

/** The files libpq looks for when nobody names one. */
export interface HomeFiles {
  readonly passwordFile: string
  readonly serviceFile: string
  readonly certificateFolder: string
}

export function resolveContext(context: Partial<DsnContext>): ResolvedContext {
  const environment = context.environment ?? process.env
  const home = nonEmpty(context.homeFolder ?? homeFolder(environment))
  return {
    environment,
    readFile: context.readFile ?? readTextFile,
    readPrivateFile: context.readPrivateFile ?? context.readFile ?? readPrivateTextFile,
    findUserName: () => nonEmpty(context.userName ?? operatingSystemUser()),
    homeFiles: home === undefined ? undefined : homeFiles(home, process.platform),
    findDefaultHost: () => context.defaultHost ?? defaultHost(process.platform, existsSync),
    fileParameters: context.fileParameters ?? 'allow',
  }
}

/** libpq's names for the files in a user's folder. */
export function homeFiles(home: string, platform: NodeJS.Platform): HomeFiles {
  if (platform === 'win32') {
    const folder = join(home, 'AppData', 'Roaming', 'postgresql')
    return {
      passwordFile: join(folder, 'pgpass.conf'),
      serviceFile: join(folder, '.pg_service.conf'),
      certificateFolder: folder,
    }
  }
  return {
    passwordFile: join(home, '.pgpass'),
    serviceFile: join(home, '.pg_service.conf'),
    certificateFolder: join(home, '.postgresql'),
  }
}

const PACKAGED_SOCKET_FOLDER = '/var/run/postgresql'

/** The folder is fixed when libpq is built: the packages of Linux distributions use one, PostgreSQL itself another. */
export function defaultHost(platform: NodeJS.Platform, exists: (path: string) => boolean): string {
  if (platform === 'win32') return 'localhost'
  return exists(PACKAGED_SOCKET_FOLDER) ? PACKAGED_SOCKET_FOLDER : '/tmp'
}

function homeFolder(environment: DsnContext['environment']): string | undefined {
  return nonEmpty(environment['HOME']) ?? systemAnswer(homedir)
}

function operatingSystemUser(): string | undefined {
  return systemAnswer(() => userInfo().username)
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** Node throws where a container's user has no entry in the password database. */
function systemAnswer(ask: () => string): string | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
