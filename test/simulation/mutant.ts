import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { copyPlain, writePlain } from './plain-copy.ts'
import type { Fault } from './scenario.ts'
import type { Subject } from './run-seed.ts'

/** A bug to put in: the first text of each edit must occur exactly once in the file (a path below `src`). */
export interface Mutation {
  readonly name: string
  readonly file: string
  readonly edits: readonly (readonly [find: string, replace: string])[]
  /** A kind of fault without which it cannot show: the other seeds are passed over. */
  readonly needs?: Fault['kind']
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
    copyPlain('src', this.#sound, (file) => PARTS.test(file))
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
    writePlain(folder, file, text)
    return load(folder)
  }

  /** The copy without any bug. */
  sound(): Promise<Subject> {
    return load(this.#sound)
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function load(folder: string): Promise<Subject> {
  const entry = pathToFileURL(join(folder, 'manager', 'base-pool-manager.js')).href
  return (await import(/* @vite-ignore */ entry)) as Subject
}
