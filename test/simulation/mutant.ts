import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle } from './bundle.ts'
import type { Change } from './bundle.ts'
import type { Fault } from './scenario.ts'
import type { Subject } from './run-seed.ts'

/** A bug to put in. */
export interface Mutation extends Change {
  readonly name: string
  /** A kind of fault without which it cannot show: the other seeds are passed over. */
  readonly needs?: Fault['kind']
  /** Whether it shows only where an application knows endpoints: the other seeds are passed over. */
  readonly endpoints?: true
}

/**
 * Copies of the manager with one bug each, in a temporary folder, so that the sources themselves know nothing of it.
 *
 * They lie below a folder named `node_modules`, which every test runner leaves to Node itself.
 */
export class MutantNursery {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hasql-mutants-'))
  #count = 0

  /** @throws {Error} the place of the bug is not there, or is there twice. */
  async breed(...mutations: readonly Mutation[]): Promise<Subject> {
    this.#count += 1
    const file = join(this.#folder, 'node_modules', `manager-${this.#count}.mjs`)
    await bundle('src/manager/base-pool-manager.ts', file, mutations)
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Subject
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
