import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readReport } from './support/report.ts'
import { replaceTable, tableOf } from './support/table.ts'

/**
 * Runs the story of each library and keeps the README's table true: `npm run test:integrations [-- --write] [--built] [name ...]`.
 * With `--built` on what is published, which is built before, instead of the sources.
 */

/** Some libraries need a newer Node than the oldest one that hasql runs on; all of them run on this one. */
const NODE = '24.21.0'

const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, '../..')
const args = process.argv.slice(2)
const names = args.filter((arg) => !arg.startsWith('--'))

const work = mkdtempSync(join(tmpdir(), 'hasql-integrations-'))
try {
  process.exitCode = runAll(join(work, 'report.json'))
} finally {
  rmSync(work, { recursive: true, force: true })
}

function runAll(report: string): number {
  installApart()
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const options = ['--config', join(here, 'vitest.config.ts'), '--reporter=default', '--reporter=json']
  const isBuilt = args.includes('--built')
  if (isBuilt) execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  const coverage = names.length === 0 && !isBuilt ? ['--coverage'] : []
  const { status } = spawnSync(
    nodeBinary(),
    [vitest, 'run', ...options, `--outputFile.json=${report}`, ...coverage, ...names],
    { cwd: here, stdio: 'inherit', env: { ...process.env, ...(isBuilt ? { HASQL_BUILT: '1' } : {}) } },
  )
  if (!existsSync(report)) return status ?? 1
  const table = tableOf(readReport(report))
  console.log(`\n${table}`)
  // A run of some libraries says nothing about the whole table.
  const isSame = names.length > 0 || replaceTable(join(root, 'README.md'), table, args.includes('--write'))
  if (!isSame) console.error('README.md has another table; `npm run test:integrations -- --write` puts this one there.')
  return status === 0 && isSame ? 0 : 1
}

/** Libraries that only these tests need, too heavy or too young for the root's package.json. */
function installApart(): void {
  const folder = join(here, 'apart')
  const schema = join('prisma', 'schema.prisma')
  install(folder, [schema], () => generatePrismaClient(folder, schema))
  // By far the largest; the story of a library needs none of it.
  if (isWanted('recipes')) install(join(here, 'recipes'))
}

/** Whether vitest, told these names, runs tests of this folder. */
function isWanted(folder: string): boolean {
  return names.length === 0 || names.some((name) => name.includes(folder))
}

/** Installs what the lock file of a folder says, and makes what depends on these files, unless that was done before. */
function install(folder: string, files: readonly string[] = [], make?: () => void): void {
  const marker = join(folder, 'node_modules', 'installed.txt')
  const wanted = ['package-lock.json', ...files].map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder, stdio: 'inherit' })
  make?.()
  writeFileSync(marker, wanted)
}

/** This needs no engine, but the command would first fetch one: unless it is told of some file that it takes for one. */
function generatePrismaClient(folder: string, schema: string): void {
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' }
  const prisma = join(folder, 'node_modules', 'prisma', 'build', 'index.js')
  execFileSync(process.execPath, [prisma, 'generate', '--schema', schema], { cwd: folder, env, stdio: 'inherit' })
}

/** Node itself is installed beside the tests, too. */
function nodeBinary(): string {
  const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const folder = join(here, 'node')
  const binary = join(folder, 'node_modules', platform, 'bin', 'node')
  const isThere = existsSync(binary) && readVersion(binary) === `v${NODE}`
  if (!isThere) {
    const install = ['install', '--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', folder]
    execFileSync('npm', [...install, `${platform}@${NODE}`], { cwd: here, stdio: 'inherit' })
  }
  return binary
}

function readVersion(binary: string): string {
  return execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
}
