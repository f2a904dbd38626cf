import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missing } from './headers.ts'

/** Compiles pg-native beside these tests and runs them: `npm run test:native [-- name ...]`. */
const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, '../..')

const lacks = missing()
if (lacks.length > 0) {
  console.error(`hasql/pg-native was not tested. pg-native is compiled when it is installed, and this machine lacks:`)
  for (const what of lacks) console.error(`- ${what}`)
  process.exitCode = 1
} else {
  install()
  process.exitCode = runTests(process.argv.slice(2))
}

/** With scripts, which compile; once for each lock file and version of Node. */
function install(): void {
  const modules = join(here, 'node_modules')
  const marker = join(modules, 'installed.txt')
  const wanted = `${process.version}\n${readFileSync(join(here, 'package-lock.json'), 'utf8')}`
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  execFileSync('npm', ['ci', '--ignore-scripts=false', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
  const addon = join(modules, 'libpq', 'build', 'Release', 'addon.node')
  if (!existsSync(addon)) throw new Error(`npm did not compile libpq: there is no ${addon}`)
  writeFileSync(marker, wanted)
}

/** `pg` asks for pg-native from where it is itself, which is the root's folder: it is told of this one, too. */
function runTests(names: readonly string[]): number {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const options = ['run', '--config', join(here, 'vitest.config.ts'), ...(names.length === 0 ? ['--coverage'] : [])]
  const env = { ...process.env, NODE_PATH: join(here, 'node_modules') }
  const { status } = spawnSync(process.execPath, [vitest, ...options, ...names], { cwd: root, env, stdio: 'inherit' })
  return status ?? 1
}
