import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The versions that are supported; the newest is the one `npm ci` installs. */
const VERSIONS = [13, 14, 15, 16, 17, 18]

const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, '../..')

if (!existsSync(resolve(here, 'node_modules'))) {
  execFileSync('npm', ['install', '--no-save', '--no-package-lock', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: 'inherit',
  })
}

const wanted = process.argv.slice(2).map(Number)
const failed: number[] = []
for (const version of VERSIONS.filter((known) => wanted.length === 0 || wanted.includes(known))) {
  console.log(`\n== PostgreSQL ${version} ==`)
  const { status } = spawnSync(
    'npx',
    ['vitest', 'run', '--project', 'integration', 'test/integration/pg', 'test/integration/testing'],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, HASQL_TESTING_MODULES: here, HASQL_TESTING_VERSION: String(version) },
    },
  )
  if (status !== 0) failed.push(version)
}
console.log(failed.length === 0 ? '\nAll versions passed.' : `\nFailed on PostgreSQL ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
