import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A change to a module below `src`: the first text of each edit must occur in it exactly once. */
export interface Change {
  readonly file: string
  readonly edits: readonly (readonly [find: string, replace: string])[]
}

/** The text of a module of `src` with changes. @throws {Error} the place of one is not there, or is there twice. */
export function changed({ file, edits }: Change): string {
  let text = readFileSync(join(ROOT, 'src', file), 'utf8')
  for (const [find, replace] of edits) {
    const found = text.split(find).length - 1
    if (found !== 1) throw new Error(`'${find}' is in ${file} ${found} times, not once; adapt the change`)
    text = text.replace(find, () => replace)
  }
  return text
}

/** The text of a module as plain JavaScript; its imports lead to other plain modules. */
export function toPlain(text: string): string {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
    },
  })
  return outputText
}

/** Writes a module into a folder of plain ones. */
export function writePlain(folder: string, file: string, text: string): void {
  const target = join(folder, file.replaceAll(sep, '/').replace(/\.ts$/, '.js'))
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, toPlain(text))
}

/** Writes the modules below a folder of this repository, those that `wanted` picks. */
export function copyPlain(from: string, to: string, wanted: (file: string) => boolean): void {
  for (const file of readdirSync(join(ROOT, from), { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts') && wanted(file)) writePlain(to, file, readFileSync(join(ROOT, from, file), 'utf8'))
  }
}

/**
 * The simulation and what it simulates as plain JavaScript in a temporary folder: run by Node itself it is half as fast
 * again as through a loader. Call `remove` in the end.
 */
export function makePlainCopy(changes: readonly Change[] = []): {
  readonly path: (file: string) => string
  readonly remove: () => void
} {
  const folder = mkdtempSync(join(tmpdir(), 'hasql-simulation-'))
  const isNeeded = (file: string): boolean =>
    !file.endsWith('.test.ts') && !/^(?:drivers|testing|scripted|dsn)\b/.test(file)
  copyPlain('src', join(folder, 'src'), (file) => isNeeded(file) || file.startsWith('dsn'))
  copyPlain('test/simulation', join(folder, 'test/simulation'), isNeeded)
  copyPlain('test/support', join(folder, 'test/support'), isNeeded)
  for (const change of changes) writePlain(join(folder, 'src'), change.file, changed(change))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return {
    path: (file) => join(folder, file.replace(/\.ts$/, '.js')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
