import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** Packs what `npm run build` made; answers with the path of the tarball, which is put into `folder`. */
export function pack(folder: string): string {
  const said = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, encoding: 'utf8' })
  const name = /"filename": "([^"]+)"/.exec(said)?.[1]
  if (name === undefined) throw new Error('npm pack named no file')
  return join(folder, name)
}

/**
 * Lays a tarball out in `folder/node_modules` as npm would, beside packages of this checkout that are named. Answers with
 * the folder of the package.
 */
export function install(tarball: string, folder: string, others: readonly string[] = []): string {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  const unpacked = mkdtempSync(join(dirname(tarball), 'unpacked-'))
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked], { stdio: 'inherit' })
  cpSync(join(unpacked, 'package'), join(modules, 'hasql'), { recursive: true })
  rmSync(unpacked, { recursive: true })
  for (const name of others) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  return join(modules, 'hasql')
}
