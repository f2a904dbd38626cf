import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { changed, copyPlain, writePlain } from './plain-copy.ts'
import type { Change } from './plain-copy.ts'
import type { Fault } from './scenario.ts'
import type { Subject } from './run-seed.ts'

/** A bug to put in. */
export interface Mutation extends Change {
  readonly name: string
  /** A kind of fault without which it cannot show: the other seeds are passed over. */
  readonly needs?: Fault['kind']
}

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
  async breed(mutation: Mutation): Promise<Subject> {
    const text = changed(mutation)
    this.#count += 1
    const folder = join(this.#folder, 'node_modules', `mutant-${this.#count}`)
    cpSync(this.#sound, folder, { recursive: true })
    writePlain(folder, mutation.file, text)
    const subject = await load(folder)
    // All of it has been read.
    rmSync(folder, { recursive: true, force: true })
    return subject
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
