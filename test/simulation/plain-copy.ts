import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

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
export function makePlainCopy(): { readonly path: (file: string) => string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'hasql-simulation-'))
  const isNeeded = (file: string): boolean =>
    !file.endsWith('.test.ts') && !/^(?:drivers|testing|scripted|dsn)\b/.test(file)
  copyPlain('src', join(folder, 'src'), (file) => isNeeded(file) || file.startsWith('dsn'))
  copyPlain('test/simulation', join(folder, 'test/simulation'), isNeeded)
  copyPlain('test/support', join(folder, 'test/support'), isNeeded)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return {
    path: (file) => join(folder, file.replace(/\.ts$/, '.js')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
