import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** Where the packages are made: the library, and the tools for tests. */
export const FOLDERS = ['.', 'packages/testing'] as const

/** Packs what `npm run build` made; answers with the paths of the tarballs, which are put into `folder`. */
export function pack(folder: string): readonly [hasql: string, testing: string] {
  const [hasql, testing] = FOLDERS.map((from) => {
    const options = { cwd: join(root, from), encoding: 'utf8' } as const
    const said = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], options)
    const name = /"filename": "([^"]+)"/.exec(said)?.[1]
    if (name === undefined) throw new Error('npm pack named no file')
    return join(folder, name)
  })
  if (hasql === undefined || testing === undefined) throw new Error('npm pack packed nothing')
  return [hasql, testing]
}

/**
 * Lays tarballs out in `folder/node_modules` as npm would, beside packages of this checkout that are named. Answers with
 * the folder of the first one's package.
 */
export function install(tarballs: readonly string[], folder: string, others: readonly string[] = []): string {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  const installed = tarballs.map((tarball) => layOut(tarball, modules))
  for (const name of others) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  return installed[0] ?? modules
}

function layOut(tarball: string, modules: string): string {
  const unpacked = mkdtempSync(join(dirname(tarball), 'unpacked-'))
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked], { stdio: 'inherit' })
  const { name } = JSON.parse(readFileSync(join(unpacked, 'package', 'package.json'), 'utf8')) as { name: string }
  cpSync(join(unpacked, 'package'), join(modules, name), { recursive: true })
  rmSync(unpacked, { recursive: true })
  return join(modules, name)
}
