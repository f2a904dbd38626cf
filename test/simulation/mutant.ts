import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { Subject } from './run-seed.ts'

/** A bug to put in: the first text of each edit must occur exactly once in the file (a path below `src`). */
export interface Mutation {
  readonly name: string
  readonly file: string
  readonly edits: readonly (readonly [find: string, replace: string])[]
}

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url))
/** What a manager is made of; drivers, tools and the like are left out. */
const PARTS = /^(?:balancer|driver|dsn|manager|metrics|monitor|network|pool|random|selection|time|topology|[\w-]+\.ts$)/

/**
 * Copies of the sources with one bug each, in a temporary folder, so that the sources themselves know nothing of it.
 *
 * The copies are plain JavaScript below a folder named `node_modules`, which every test runner leaves to Node itself.
 */
export class MutantNursery {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hasql-mutants-'))
  readonly #sound = join(this.#folder, 'node_modules', 'sound')
  #count = 0

  constructor() {
    for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || !PARTS.test(file)) continue
      this.#write(this.#sound, file, readFileSync(join(SOURCE, file), 'utf8'))
    }
    writeFileSync(join(this.#sound, 'package.json'), '{ "type": "module" }')
  }

  /** @throws {Error} the place of the bug is not there, or is there twice. */
  async breed({ name, file, edits }: Mutation): Promise<Subject> {
    let text = readFileSync(join(SOURCE, file), 'utf8')
    for (const [find, replace] of edits) {
      const found = text.split(find).length - 1
      if (found !== 1) throw new Error(`'${name}': its text is in ${file} ${found} times, not once; adapt the mutation`)
      text = text.replace(find, () => replace)
    }
    this.#count += 1
    const folder = join(this.#folder, 'node_modules', `mutant-${this.#count}`)
    cpSync(this.#sound, folder, { recursive: true })
    this.#write(folder, file, text)
    return load(folder)
  }

  /** The copy without any bug. */
  sound(): Promise<Subject> {
    return load(this.#sound)
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #write(folder: string, file: string, text: string): void {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        rewriteRelativeImportExtensions: true,
      },
    })
    const target = join(folder, file.replaceAll(sep, '/').replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
}

async function load(folder: string): Promise<Subject> {
  const entry = pathToFileURL(join(folder, 'manager', 'base-pool-manager.js')).href
  return (await import(/* @vite-ignore */ entry)) as Subject
}
