import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What `pg_config` says; undefined where there is none. */
function pgConfig(what: string): string | undefined {
  const { status, stdout } = spawnSync('pg_config', [what], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** The major version of the libpq that pg-native is compiled against; 0 where there is none. */
export function libpqVersion(): number {
  return Number(/\d+/.exec(pgConfig('--version') ?? '')?.[0] ?? 0)
}

/** What is missing for compiling pg-native, in words that say what to install; empty if nothing is. */
export function missing(): readonly string[] {
  const folder = pgConfig('--includedir')
  const found: string[] = []
  if (folder === undefined || !existsSync(join(folder, 'libpq-fe.h'))) {
    const where = folder === undefined ? 'there is no pg_config in the PATH' : `there is no libpq-fe.h in ${folder}`
    const names = 'libpq-dev (Debian, Ubuntu), libpq-devel (Fedora), postgresql-dev (Alpine), libpq (Homebrew)'
    found.push(`libpq's headers: ${where}; they are in the package ${names}`)
  }
  for (const tool of ['make', 'c++', 'python3']) {
    if (spawnSync(tool, ['--version']).status !== 0) {
      found.push(
        `${tool}: there is none in the PATH; Debian and Ubuntu have it in the packages build-essential and python3`,
      )
    }
  }
  return found
}
